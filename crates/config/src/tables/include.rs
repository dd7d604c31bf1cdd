//! `[include]`.

use super::{Directive, Kind, Table};

/// Its directive.
pub static TABLE: Table = Table {
    section: "include",
    doc: "Other files that belong to the configuration. Their `%(here)s` is their own folder; an `[include]` in them is \
          ignored. supervisorctl reads only the main file.",
    rows: &[Directive::new("files", Kind::Patterns, "files that are read after this one")
        .required()
        .commented("relative/directory/*.ini")
        .doc(
            "File names and patterns, with blanks between; relative ones are looked up from this file's folder. The files \
             of a pattern are read in order of name, and what is read later wins.",
            "/etc/supervisor/conf.d/*.conf",
        )],
    open: false,
};
