//! A Rust file, parsed once for all checks: its syntax tree, its tokens, and which of its lines are tests.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::Visit;

use super::finding::Finding;
use super::tree::File;

/// A parsed Rust file.
pub struct Source {
    /// Its path from the top of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its syntax tree.
    pub tree: syn::File,
    /// All its tokens in order, groups opened: `(`, `)` and so on are tokens of their own.
    pub tokens: Vec<Token>,
    tests: Vec<RangeInclusive<usize>>,
    all_tests: bool,
}

/// A token and the line it begins on.
pub struct Token {
    /// The token as written.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
}

impl Source {
    /// Parses every Rust file; one that cannot be parsed is a finding.
    pub fn parse_all(files: &[File], found: &mut Vec<Finding>) -> Vec<Self> {
        let mut sources = Vec::new();
        for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
            match Self::parse(&file.path, &file.text) {
                Ok(source) => sources.push(source),
                Err(why) => {
                    found.push(Finding::error(&file.path, why.span().start().line, format!("cannot be parsed: {why}")));
                }
            }
        }
        let test_files: BTreeSet<String> = sources.iter().flat_map(Self::test_modules).collect();
        for source in &mut sources {
            source.all_tests |= test_files.iter().any(|stem| belongs(&source.path, stem));
        }
        sources
    }

    /// Parses one file.
    pub fn parse(path: &str, text: &str) -> syn::Result<Self> {
        let tree = syn::parse_file(text)?;
        let stream: TokenStream = text.parse().map_err(|why| syn::Error::new(proc_macro2::Span::call_site(), why))?;
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        let mut tests = TestLines(Vec::new());
        tests.visit_file(&tree);
        let all_tests = path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "fuzz"));
        Ok(Self { path: path.to_owned(), text: text.to_owned(), tree, tokens, tests: tests.0, all_tests })
    }

    /// True if this line is part of a test: rules about product code do not reach it.
    pub fn is_test(&self, line: usize) -> bool {
        self.all_tests || self.tests.iter().any(|range| range.contains(&line))
    }

    /// True if the file is one of the tables that may be as long as what they list.
    pub fn is_table(&self) -> bool {
        self.path.contains("/tables/") || self.path.ends_with("/tables.rs")
    }

    /// The crate this file belongs to: `model` for crates/model/…, else the first folder.
    pub fn crate_name(&self) -> &str {
        let mut parts = self.path.split('/');
        match parts.next() {
            Some("crates") => parts.next().unwrap_or_default(),
            Some(first) => first,
            None => "",
        }
    }

    /// The paths, without `.rs`, of modules that are declared for tests only (`#[cfg(test)] mod helpers;`).
    fn test_modules(&self) -> Vec<String> {
        let path = Path::new(&self.path);
        let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "main" | "mod") => path.parent().map(Path::to_path_buf).unwrap_or_default(),
            _ => path.with_extension(""),
        };
        let declared = self.tree.items.iter().filter_map(|item| match item {
            syn::Item::Mod(module) if module.content.is_none() && is_test_only(&module.attrs) => Some(module),
            _ => None,
        });
        declared.map(|module| folder.join(module.ident.to_string()).to_string_lossy().into_owned()).collect()
    }
}

fn belongs(path: &str, stem: &str) -> bool {
    path.strip_prefix(stem).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                into.push(Token { text: open.to_owned(), line: group.span_open().start().line });
                flatten(group.stream(), into);
                into.push(Token { text: close.to_owned(), line: group.span_close().start().line });
            }
            other => into.push(Token { line: other.span().start().line, text: other.to_string() }),
        }
    }
}

/// Collects the lines of items that are compiled for tests only.
struct TestLines(Vec<RangeInclusive<usize>>);

impl TestLines {
    fn take(&mut self, attributes: &[syn::Attribute], item: &impl Spanned) {
        if is_test_only(attributes) {
            let span = item.span();
            self.0.push(span.start().line..=span.end().line);
        }
    }
}

impl<'ast> Visit<'ast> for TestLines {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.take(&item.attrs, item);
        syn::visit::visit_item_mod(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.take(&item.attrs, item);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.take(&item.attrs, item);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.take(&item.attrs, item);
        syn::visit::visit_item_impl(self, item);
    }
}

/// `#[test]`, `#[tokio::test]` or any `#[cfg(…test…)]` that is not `not(test)`.
fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        if attribute.path().segments.last().is_some_and(|last| last.ident == "test") {
            return true;
        }
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let words: Vec<String> = list.tokens.clone().into_iter().map(|token| token.to_string()).collect();
        list.path.is_ident("cfg") && words.first().is_some_and(|word| word == "test")
            || list.path.is_ident("cfg")
                && words.first().is_some_and(|word| word == "all")
                && words.join("").contains("test")
    })
}

#[cfg(test)]
mod tests {
    use super::{File, Source};

    #[test]
    fn the_lines_of_a_test_module_are_tests_and_no_others() {
        let source =
            Source::parse("crates/a/src/lib.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\n").unwrap();
        assert!(!source.is_test(1) && source.is_test(4));
    }

    #[test]
    fn a_file_declared_for_tests_only_is_a_test() {
        let files = [
            File::of("crates/a/src/lib.rs", "#[cfg(test)]\nmod helpers;"),
            File::of("crates/a/src/helpers.rs", "fn a() {}"),
        ];
        let sources = Source::parse_all(&files, &mut Vec::new());
        assert!(sources[1].is_test(1) && !sources[0].all_tests);
    }

    #[test]
    fn a_file_that_is_no_rust_is_a_finding() {
        let mut found = Vec::new();
        Source::parse_all(&[File::of("a.rs", "fn (")], &mut found);
        assert_eq!(found.len(), 1);
    }
}
