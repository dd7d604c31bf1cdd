//! Very many children that end.

use crate::harness::{Daemon, children, descriptors, wait};
use crate::{memory, no_zombie, status_is_true};

/// Programs that end at once.
const MANY: u64 = 200;

#[test]
fn after_thousands_of_exits_memory_and_descriptors_are_what_they_were() {
    let exits = crate::number("SUPERVISOR_FAULTS_EXITS", 5000);
    let daemon = Daemon::start(&format!(
        "[supervisord]\nloglevel=warn\n[program:stays]\ncommand=/bin/cat\n[program:x]\ncommand=/bin/true\nnumprocs={MANY}\n\
         process_name=%(process_num)03d\nautostart=false\nautorestart=false\nstartsecs=0\nredirect_stderr=true\n\
         [program:again]\ncommand=/bin/true\nnumprocs=10\nprocess_name=%(process_num)d\nautorestart=true\nstartsecs=0\n"
    ));
    let round = || {
        let answer = daemon.rpc_with("supervisor.startProcessGroup", "<param><value>x</value></param>");
        assert!(answer.contains("200 OK") && !answer.contains("faultCode"), "{answer}");
        wait("all have ended", || !daemon.rpc("supervisor.getAllProcessInfo").contains("<int>10</int>"));
        wait("all have ended", || children(daemon.pid()).len() < 12);
    };
    // What the allocator keeps for itself is reached after a few rounds.
    let rounds = exits.div_ceil(MANY);
    let warm = (rounds / 5).max(2);
    (0..warm).for_each(|_| round());
    let (open, kept) = (descriptors(daemon.pid()), memory(daemon.pid()));
    (warm..rounds).for_each(|_| round());
    no_zombie(daemon.pid());
    wait("no descriptor leaks", || descriptors(daemon.pid()) <= open + 30);
    let now = memory(daemon.pid());
    println!("{} exits: memory {kept} KiB, then {now} KiB; descriptors {open}", rounds * MANY);
    assert!(now <= kept + 2048, "{kept} KiB became {now} KiB");
    daemon.ctl("stop again:*");
    status_is_true(&daemon);
    wait("no descriptor leaks", || descriptors(daemon.pid()) <= open);
}
