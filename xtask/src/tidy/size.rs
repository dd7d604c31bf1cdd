//! Files and functions stay small enough to be read in one go.

use syn::spanned::Spanned;
use syn::visit::Visit;

use super::finding::Finding;
use super::source::Source;

const FILE: (usize, usize) = (400, 600);
const FUNCTION: (usize, usize) = (40, 70);

/// Files over 400 lines and functions over 40 are told; over 600 and 70 they fail. Tables are exempt.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    if source.is_table() {
        return found;
    }
    let lines = source.text.lines().count();
    let text = format!("{lines} lines: at most {} are wanted; split it by what changes together", FILE.0);
    judge(lines, FILE, source, 0, text, &mut found);
    let mut functions = Functions { lines: source.text.lines().collect(), seen: Vec::new() };
    functions.visit_file(&source.tree);
    for (name, line, length) in functions.seen {
        let text = format!("fn {name} has {length} lines of code: at most {} are wanted; name its steps", FUNCTION.0);
        judge(length, FUNCTION, source, line, text, &mut found);
    }
    found
}

fn judge(
    length: usize,
    (warn, fail): (usize, usize),
    source: &Source,
    line: usize,
    text: String,
    to: &mut Vec<Finding>,
) {
    if length > fail {
        to.push(Finding::error(&source.path, line, text));
    } else if length > warn {
        to.push(Finding::warning(&source.path, line, text));
    }
}

/// Name, first line and lines of code of every function with a body.
struct Functions<'a> {
    lines: Vec<&'a str>,
    seen: Vec<(String, usize, usize)>,
}

impl Functions<'_> {
    fn take(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let (first, last) = (signature.span().start().line, body.span().end().line);
        let code = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
        let length = self.lines.get(first - 1..last).map_or(0, |body| body.iter().filter(code).count());
        self.seen.push((signature.ident.to_string(), first, length));
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.take(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.take(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.take(&item.sig, body);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Weight;
    use super::{Source, check};

    fn weights(path: &str, text: &str) -> Vec<Weight> {
        check(&Source::parse(path, text).unwrap()).iter().map(|one| one.weight).collect()
    }

    #[test]
    fn a_long_file_is_told_and_a_very_long_one_fails() {
        assert_eq!(weights("a.rs", &"// a\n".repeat(400)), []);
        assert_eq!(weights("a.rs", &"// a\n".repeat(401)), [Weight::Warning]);
        assert_eq!(weights("a.rs", &"// a\n".repeat(601)), [Weight::Error]);
    }

    #[test]
    fn a_table_may_be_as_long_as_what_it_lists() {
        assert_eq!(weights("crates/config/src/tables/program.rs", &"// a\n".repeat(601)), []);
    }

    #[test]
    fn a_long_function_is_told_and_a_very_long_one_fails() {
        let function = |lines: usize| format!("impl A {{\nfn a() {{\n{}}}\n}}\n", "b();\n// why\n".repeat(lines - 2));
        assert_eq!(weights("a.rs", &function(40)), []);
        assert_eq!(weights("a.rs", &function(41)), [Weight::Warning]);
        assert_eq!(weights("a.rs", &function(71)), [Weight::Error]);
    }
}
