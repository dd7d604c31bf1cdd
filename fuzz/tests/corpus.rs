//! Every input that was kept is read once more, without a fuzzer: what was mended stays mended.
//!
//! Deliberately absent: new inputs (`cargo xtask fuzz`).

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fuzz::{TARGETS, target};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn replay(name: &str) {
    let folder = corpus().join(name);
    let inputs = names(&folder);
    assert!(inputs.len() > 5, "{} has next to no inputs", folder.display());
    for input in inputs {
        let path = folder.join(input);
        // The panic itself does not say which input it came from; the test runner shows this line with it.
        println!("{}", path.display());
        (target(name).unwrap().run)(&std::fs::read(&path).unwrap());
    }
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names(&corpus()), targets);
}

macro_rules! replays {
    ($($target:ident),*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })*

        #[test]
        fn every_target_is_replayed() {
            let replayed = BTreeSet::from([$(stringify!($target)),*]);
            assert_eq!(replayed, TARGETS.iter().map(|target| target.name).collect());
        }
    };
}

replays!(ansi, basic, config, conversation, handover, http, notification, shlex, statefile, tokens, xmlrpc);
