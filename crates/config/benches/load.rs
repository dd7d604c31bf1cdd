//! What it costs to read a configuration of 5,000 programs.
//!
//! Deliberately absent: the disk. The file is in memory, so that the reading alone is measured.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

#[path = "../tests/host/mod.rs"]
mod host;

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use config::{Flags, load};
use criterion::{Criterion, criterion_group, criterion_main};
use host::FakeHost;

const FILE: &str = "/etc/supervisord.conf";

fn reading(criterion: &mut Criterion) {
    let mut text = String::from("[supervisord]\nlogfile=/tmp/supervisord.log\n");
    for number in 0..5000 {
        write!(text, "[program:p{number}]\ncommand=/bin/cat\nenvironment=A=\"1\",B=\"%(program_name)s\"\n").unwrap();
    }
    let host = FakeHost::with(&[(FILE, &text)]);
    let mut group = criterion.benchmark_group("config");
    group.sample_size(20);
    group.bench_function("load 5,000 programs", |b| {
        b.iter(|| load(black_box(&host), Path::new(FILE), &Flags::default()).unwrap());
    });
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
