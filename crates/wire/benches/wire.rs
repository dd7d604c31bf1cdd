//! What the codecs cost: XML-RPC both ways, ANSI stripping, token scanning.
//!
//! Deliberately absent: any limit. A regression is seen by comparing runs.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::Value;
use wire::ansi::Stripper;
use wire::tokens::Scanner;
use wire::xmlrpc::{decode_call, decode_response, encode_call, encode_response};

/// The answer to `getAllProcessInfo` with so many programs.
fn listing(count: i64) -> Value {
    let words =
        ["name", "group", "statename", "spawnerr", "logfile", "stdout_logfile", "stderr_logfile", "description"];
    let numbers = ["start", "stop", "now", "state", "exitstatus", "pid"];
    let program = |number: i64| {
        let texts = words.iter().map(|&word| (word.into(), Value::str(format!("/var/log/{word}-{number}.log"))));
        let ints = numbers.iter().map(|&word| (word.into(), Value::Int(1_700_000_000 + number)));
        Value::Struct(texts.chain(ints).collect())
    };
    Value::Array((0..count).map(program).collect())
}

fn xmlrpc(criterion: &mut Criterion) {
    let value = listing(50);
    let bytes = encode_response(&value);
    let call = encode_call("supervisor.getProcessInfo", &[Value::str("group:program")]);
    let mut group = criterion.benchmark_group("xmlrpc");
    group.bench_function("decode a call", |b| b.iter(|| decode_call(black_box(&call)).unwrap()));
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode 50 programs", |b| b.iter(|| encode_response(black_box(&value))));
    group.bench_function("decode 50 programs", |b| b.iter(|| decode_response(black_box(&bytes)).unwrap()));
    group.finish();
}

fn output(criterion: &mut Criterion) {
    let line = b"\x1b[32mINFO\x1b[0m a line of output with <angles> and \x1b[1mcolours\x1b[0m in it\n";
    let data = line.repeat(1000);
    let mut group = criterion.benchmark_group("output");
    group.throughput(Throughput::Bytes(data.len() as u64));
    let mut out = Vec::with_capacity(data.len());
    group.bench_function("strip ANSI sequences", |b| {
        b.iter(|| {
            out.clear();
            Stripper::new().strip(black_box(&data), &mut out);
        });
    });
    group.bench_function("scan for tokens", |b| {
        let mut scanner = Scanner::new(4096);
        b.iter(|| scanner.feed(black_box(&data)).count());
    });
    group.finish();
}

criterion_group!(benches, xmlrpc, output);
criterion_main!(benches);
