#![no_main]
//! One fuzzer for all targets: `FUZZ_TARGET` says which. It is built and started by `cargo xtask fuzz`, which passes the
//! compiler the flags for coverage.

use std::sync::LazyLock;

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    match fuzz::target(&name) {
        Some(target) => target.run,
        None => {
            let names: Vec<&str> = fuzz::TARGETS.iter().map(|target| target.name).collect();
            eprintln!("FUZZ_TARGET={name:?} names none of these targets: {}", names.join(" "));
            std::process::exit(2);
        }
    }
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| RUN(data));
