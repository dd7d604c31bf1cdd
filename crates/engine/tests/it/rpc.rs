//! Calls: values, faults, order and waiting.

use engine::{Input, LogRead};
use model::Value;

use crate::config_of::{config, group, process, program};
use crate::world::{Hold, World};

fn rows(value: &Value) -> Vec<String> {
    let Value::Array(rows) = value else { panic!("{value:?}") };
    let text = |row: &Value, key: &str| row.member(key).unwrap().as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| {
            let status = row.member("status").unwrap().as_int().unwrap();
            format!("{}:{} {status} {}", text(row, "group"), text(row, "name"), text(row, "description"))
        })
        .collect()
}

fn manual(name: &str, startsecs: i64) -> config::ProcessConfig {
    config::ProcessConfig { autostart: false, startsecs, ..process(name) }
}

fn pair() -> World {
    World::new(config(vec![
        group("g", 1, vec![manual("a", 0), manual("b", 0)]),
        program("solo", |p| *p = manual("solo", 5)),
    ]))
}

#[test]
fn a_start_waits_until_the_program_is_running() {
    let mut world = pair();
    let call = world.call("supervisor.startProcess", &["solo".into()]);
    world.pass(5.0);
    assert!(world.waits(call));
    world.pass(0.1);
    assert_eq!(world.reply_of(call), Ok(true.into()));
    assert_eq!(world.ask("startProcess", &["solo".into()]), Err("ALREADY_STARTED: solo".into()));
}

#[test]
fn a_start_that_does_not_wait_still_tells_of_a_child_that_cannot_be_made() {
    let mut world = pair();
    assert_eq!(world.ask("startProcess", &["solo".into(), false.into()]), Ok(true.into()));
    world.ask("stopProcess", &["solo".into()]).unwrap();
    world.unspawnable.insert("solo".into(), "no".into());
    assert_eq!(world.ask("startProcess", &["solo".into(), false.into()]), Err("SPAWN_ERROR: solo".into()));
}

#[test]
fn a_start_of_a_program_that_dies_young_is_a_spawn_error() {
    let mut world = pair();
    let call = world.call("supervisor.startProcess", &["solo".into()]);
    world.pass(1.0);
    world.dies("solo", 0);
    assert_eq!(world.reply_of(call), Err("SPAWN_ERROR: solo".into()));
}

#[test]
fn a_missing_command_is_told_before_the_state() {
    let mut world = World::new(config(vec![program("p", |p| p.startsecs = 10)]));
    world.dies("p", 1);
    world.missing.insert("p".into());
    assert_eq!(world.state("p"), "BACKOFF");
    assert_eq!(world.ask("startProcess", &["p".into()]), Err("NO_FILE: can't find command '/bin/p'".into()));
}

#[test]
fn a_stopping_program_cannot_be_started() {
    let mut world = pair();
    world.stubborn.insert("a".into());
    world.ask("startProcess", &["g:a".into()]).unwrap();
    world.ask("stopProcess", &["g:a".into(), false.into()]).unwrap();
    assert_eq!(world.ask("startProcess", &["g:a".into()]), Err("ABNORMAL_TERMINATION: g:a".into()));
    assert_eq!(world.ask("startProcess", &["g:a".into(), false.into()]), Ok(true.into()));
    assert_eq!(world.ask("stopProcess", &["g:a".into()]), Err("NOT_RUNNING: g:a".into()));
    assert_eq!(world.ask("sendProcessStdin", &["g:a".into(), "x".into()]), Err("NOT_RUNNING: g:a".into()));
    assert_eq!(world.ask("removeProcessGroup", &["g".into()]), Err("STILL_RUNNING: g".into()));
}

#[test]
fn results_of_a_group_come_first_that_came_at_once_then_as_they_came() {
    let members =
        vec![manual("slow", 2), manual("missing", 1), manual("quick", 0), manual("fails", 1), manual("middle", 1)];
    let mut world = World::new(config(vec![group("g", 1, members)]));
    world.missing.insert("missing".into());
    world.unspawnable.insert("fails".into(), "no".into());
    let call = world.call("supervisor.startProcessGroup", &["g".into()]);
    world.pass(3.0);
    let expected = [
        "g:missing 20 NO_FILE: can't find command '/bin/missing'",
        "g:quick 80 OK",
        "g:fails 50 SPAWN_ERROR: g:fails",
        "g:middle 80 OK",
        "g:slow 80 OK",
    ];
    assert_eq!(rows(&world.reply_of(call).unwrap()), expected);
}

#[test]
fn groups_and_all_are_started_and_stopped_together_and_only_what_need_be() {
    let mut world = pair();
    assert_eq!(rows(&world.ask("startProcess", &["g:*".into()]).unwrap()), ["g:a 80 OK", "g:b 80 OK"]);
    assert_eq!(world.ask("startProcessGroup", &["g".into()]), Ok(Value::Array(Vec::new())));
    assert_eq!(rows(&world.ask("startAllProcesses", &[false.into()]).unwrap()), ["solo:solo 80 OK"]);
    assert_eq!(rows(&world.ask("stopAllProcesses", &[]).unwrap()), ["g:a 80 OK", "g:b 80 OK", "solo:solo 80 OK"]);
    for name in ["nosuch", "g:*", "g:a", ""] {
        assert_eq!(world.ask("stopProcessGroup", &[name.into()]), Err(format!("BAD_NAME: {name}")));
    }
}

#[test]
fn a_client_that_leaves_is_not_answered_and_what_it_asked_for_goes_on() {
    let mut world = pair();
    let call = world.call("supervisor.startProcess", &["solo".into()]);
    world.input(Input::HungUp { call });
    world.pass(10.0);
    assert!(world.waits(call));
    assert_eq!(world.state("solo"), "RUNNING");
}

#[test]
fn signals_are_named_or_numbered_and_go_to_what_runs() {
    let mut world = pair();
    world.ask("startProcess", &["g:a".into()]).unwrap();
    for signal in [Value::from("HUP"), Value::from("sighup"), Value::from("1"), Value::Int(1)] {
        assert_eq!(world.ask("signalProcess", &["g:a".into(), signal]), Ok(true.into()));
    }
    assert_eq!(world.signals, ["SIGHUP to a"; 4]);
    assert_eq!(world.ask("signalProcess", &["g:a".into(), Value::Int(4711)]), Err("BAD_SIGNAL: 4711".into()));
    assert_eq!(world.ask("signalProcess", &["g:b".into(), "NOSUCH".into()]), Err("BAD_SIGNAL: NOSUCH".into()));
    assert_eq!(world.ask("signalProcess", &["g:b".into(), "HUP".into()]), Err("NOT_RUNNING: g:b".into()));
    let result = world.ask("signalAllProcesses", &["NOSUCH".into()]).unwrap();
    assert_eq!(rows(&result), ["g:a 11 BAD_SIGNAL: NOSUCH"]);
}

#[test]
fn bytes_for_a_program_are_taken_or_refused() {
    let mut world = pair();
    world.ask("startProcess", &["g:a".into()]).unwrap();
    assert_eq!(world.ask("sendProcessStdin", &["g:a".into(), "żółć\n".into()]), Ok(true.into()));
    assert_eq!(world.stdin, [("a".to_owned(), "żółć\n".as_bytes().to_vec())]);
    world.closed.insert("a".into());
    assert_eq!(world.ask("sendProcessStdin", &["g:a".into(), "x".into()]), Err("NO_FILE: g:a".into()));
    assert_eq!(world.ask("sendProcessStdin", &["solo".into(), "x".into()]), Err("NOT_RUNNING: solo".into()));
    assert_eq!(world.ask("sendProcessStdin", &["solo".into(), 5.into()]), Err("INCORRECT_PARAMETERS: 5".into()));
}

#[test]
fn wrong_calls_are_faults() {
    let mut world = pair();
    assert_eq!(world.ask("getState", &[1.into()]), Err("INCORRECT_PARAMETERS".into()));
    assert_eq!(world.ask("startProcess", &[]), Err("INCORRECT_PARAMETERS".into()));
    assert_eq!(world.ask("startProcess", &[Value::Nil]), Err("INCORRECT_PARAMETERS".into()));
    assert_eq!(world.ask("readLog", &["a".into(), 0.into()]), Err("INCORRECT_PARAMETERS".into()));
    assert_eq!(world.ask("_update", &[]), Err("UNKNOWN_METHOD".into()));
    assert_eq!(world.ask("getprocessinfo", &[]), Err("UNKNOWN_METHOD".into()));
    for name in ["a", "g", "g:", "g:*", "nosuch", "", ":", "*", "g:a:b", "solo "] {
        assert_eq!(world.ask("getProcessInfo", &[name.into()]), Err(format!("BAD_NAME: {name}")), "{name}");
    }
}

#[test]
fn logs_are_read_by_whoever_may_wait_for_a_disk() {
    let out = |p: &mut config::ProcessConfig| p.stdout.logfile = config::LogTarget::File("/var/log/p.log".into());
    let mut world = World::new(config(vec![program("p", out)]));
    world.ask("tailProcessStdoutLog", &["p".into(), Value::from("3"), Value::Double(4.0)]).unwrap();
    world.ask("readProcessStderrLog", &["p".into(), 0.into(), 0.into()]).unwrap();
    world.ask("readLog", &[(-5).into(), 0.into()]).unwrap();
    let read = |path: Option<&str>, offset, length, tail| LogRead { path: path.map(Into::into), offset, length, tail };
    let expected = [
        read(Some("/var/log/p.log"), 3, 4, true),
        read(None, 0, 0, false),
        read(Some("/var/log/main.log"), -5, 0, false),
    ];
    assert_eq!(world.reads, expected);
    assert_eq!(world.ask("clearProcessLogs", &["p".into()]), Ok(true.into()));
    assert_eq!(rows(&world.ask("clearAllProcessLogs", &[]).unwrap()), ["p:p 80 OK"]);
    assert_eq!(world.ask("clearLog", &[]), Ok(true.into()));
}

#[test]
fn a_reread_tells_what_is_different_and_changes_nothing() {
    let mut world =
        World::new(config(vec![program("kept", |_| {}), program("changed", |_| {}), program("gone", |_| {})]));
    let new = config(vec![
        program("kept", |_| {}),
        program("changed", |p| p.startsecs = 7),
        program("fresh", |p| p.startsecs = 0),
    ]);
    world.next_config = Ok(new);
    let names = |names: &[&'static str]| Value::Array(names.iter().map(|&name| name.into()).collect());
    let expected = Value::Array(vec![Value::Array(vec![names(&["fresh"]), names(&["changed"]), names(&["gone"])])]);
    assert_eq!(world.ask("addProcessGroup", &["fresh".into()]), Err("BAD_NAME: fresh".into()));
    assert_eq!(world.ask("reloadConfig", &[]), Ok(expected));
    world.pass(2.0);
    assert_eq!((world.state("changed").as_str(), world.state("gone").as_str()), ("RUNNING", "RUNNING"));
    assert_eq!(world.ask("addProcessGroup", &["kept".into()]), Err("ALREADY_ADDED: kept".into()));
    assert_eq!(world.ask("addProcessGroup", &["fresh".into()]), Ok(true.into()));
    assert_eq!(world.state("fresh"), "RUNNING");
    world.next_config = Err("the file is broken".into());
    assert_eq!(world.ask("reloadConfig", &[]), Err("CANT_REREAD: the file is broken".into()));
    assert_eq!(world.ask("removeProcessGroup", &["gone".into()]), Err("STILL_RUNNING: gone".into()));
    world.ask("stopProcess", &["gone".into()]).unwrap();
    assert_eq!(world.ask("removeProcessGroup", &["gone".into()]), Ok(true.into()));
    assert_eq!(world.ask("removeProcessGroup", &["gone".into()]), Err("BAD_NAME: gone".into()));
}

#[test]
fn all_processes_are_listed_in_lexical_order() {
    let numbered = (0..12).map(|number| manual(&number.to_string(), 0)).collect();
    let mut world = World::new(config(vec![
        group("num", 1, numbered),
        group("mm", 5, vec![manual("zz", 0), manual("aa", 0)]),
        program("Aa", |p| p.autostart = false),
    ]));
    let Value::Array(rows) = world.ask("getAllProcessInfo", &[]).unwrap() else { panic!() };
    let names: Vec<_> = rows.iter().map(|row| row.member("name").unwrap().as_str().unwrap()).collect();
    assert_eq!(names, ["Aa", "aa", "zz", "0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(world.info("Aa", "description"), Value::from("Not started"));
}

#[test]
fn the_configuration_is_told_option_by_option() {
    let mut world = World::new(config(vec![group("z", 3, vec![manual("b", 1), manual("a", 1)])]));
    let Value::Array(rows) = world.ask("getAllConfigInfo", &[]).unwrap() else { panic!() };
    assert_eq!(rows[0].member("name"), Some(&"a".into()));
    assert_eq!(rows[0].member("group_prio"), Some(&3.into()));
    assert_eq!(rows[0].member("stdout_logfile"), Some(&"none".into()));
    assert_eq!(rows[0].member("inuse"), Some(&true.into()));
    assert_eq!(rows[0].member("stopsignal"), Some(&15.into()));
}

#[test]
fn methods_describe_themselves() {
    let mut world = pair();
    let call = world.call("system.methodSignature", &["supervisor.startProcess".into()]);
    let types = ["boolean", "string", "boolean"].map(Value::from).to_vec();
    assert_eq!(world.reply_of(call), Ok(Value::Array(types)));
    let call = world.call("system.methodHelp", &["supervisor.getState".into()]);
    assert!(world.reply_of(call).unwrap().as_str().unwrap().contains("@return struct "));
    let call = world.call("system.methodHelp", &["supervisor.nosuch".into()]);
    assert_eq!(world.reply_of(call), Err("SIGNATURE_UNSUPPORTED".into()));
    let call = world.call("system.listMethods", &[]);
    let Value::Array(names) = world.reply_of(call).unwrap() else { panic!() };
    assert!(names.len() >= 41 && names.is_sorted_by_key(|name| name.as_str().unwrap().to_owned()));
}

#[test]
fn while_it_shuts_down_the_daemon_answers_only_shutdown_state() {
    let mut world = pair();
    world.stubborn.insert("a".into());
    world.ask("startProcess", &["g:a".into()]).unwrap();
    world.hold.insert(Hold::Check);
    let start = world.call("supervisor.startProcess", &["solo".into()]);
    world.ask("shutdown", &[]).unwrap();
    for method in ["getState", "getPID", "shutdown", "restart", "getAllProcessInfo"] {
        assert_eq!(world.ask(method, &[]), Err("SHUTDOWN_STATE".into()));
    }
    world.release(Hold::Check);
    assert_eq!(world.reply_of(start), Err("SHUTDOWN_STATE".into()));
    assert!(world.ask("sendRemoteCommEvent", &["a".into(), "b".into()]).is_ok());
    let call = world.call("system.listMethods", &[]);
    assert!(world.reply_of(call).is_ok());
}

#[test]
fn a_group_of_the_start_that_is_being_made_ready_is_not_added_twice() {
    let mut world = World::asleep(config(vec![program("p", |_| {})]));
    world.hold.insert(Hold::Prepare);
    world.input(Input::Started);
    assert_eq!(world.ask("addProcessGroup", &["p".into()]), Err("ALREADY_ADDED: p".into()));
    world.release(Hold::Prepare);
    assert_eq!(world.spawned, ["p"]);
}

#[test]
fn of_two_clients_that_add_a_group_one_is_told_that_it_was_late() {
    let mut world = World::new(config(Vec::new()));
    world.next_config = Ok(config(vec![program("p", |_| {})]));
    world.ask("reloadConfig", &[]).unwrap();
    world.hold.insert(Hold::Prepare);
    let calls = [(); 2].map(|()| world.call("supervisor.addProcessGroup", &["p".into()]));
    world.release(Hold::Prepare);
    assert_eq!(calls.map(|call| world.reply_of(call)), [Ok(true.into()), Err("ALREADY_ADDED: p".into())]);
    assert_eq!(world.spawned, ["p"]);
}

/// Clients that watch are given one answer as long as nothing changes, and it is always the right one.
#[test]
fn a_listing_is_kept_until_something_in_it_changes() {
    let mut world = World::new(config(vec![program("a", |p| p.startsecs = 0), program("b", |p| *p = manual("b", 0))]));
    let descriptions = |world: &mut World| -> Vec<String> {
        let Ok(Value::Array(rows)) = world.ask("getAllProcessInfo", &[]) else { panic!() };
        rows.iter().map(|row| row.member("description").unwrap().as_str().unwrap().to_owned()).collect()
    };
    for second in 0..3 {
        for _ in 0..3 {
            assert_eq!(descriptions(&mut world), [format!("pid 100, uptime 0:00:0{second}"), "Not started".into()]);
        }
        world.pass(1.0);
    }
    assert_eq!(world.ask("startProcess", &["b".into()]), Ok(true.into()));
    assert_eq!(descriptions(&mut world), ["pid 100, uptime 0:00:03", "pid 101, uptime 0:00:00"]);
}

#[test]
fn of_groups_of_one_name_the_first_is_active() {
    let other = group("p", 999, vec![process("q")]);
    let mut world = World::new(config(vec![program("p", |_| ()), other]));
    assert_eq!(world.state("p"), "STARTING");
    assert_eq!(world.ask("getProcessInfo", &[Value::str("p:q")]), Err("BAD_NAME: p:q".into()));
}
