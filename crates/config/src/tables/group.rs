//! `[group:x]`.

use super::{Directive, Kind, Table};

/// Its directives.
pub static TABLE: Table = Table {
    section: "group:",
    doc: "Programs that are named, started and stopped together. They leave the groups of their own names.",
    rows: &[
        Directive::new("programs", Kind::List, "programs of the group, by the names of their sections")
            .default("")
            .commented("progname1,progname2")
            .doc(
                "The programs of the group, with commas between, in the order in which they are started.",
                "web,worker",
            ),
        Directive::new("priority", Kind::Integer, "lower ones start first and stop last")
            .default("999")
            .commented("999")
            .doc("The order of the group among all groups.", "10"),
    ],
    open: false,
};
