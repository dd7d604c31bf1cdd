//! `getAllProcessInfo` of 50 programs over four kept TCP connections: calls a second, and what each costs the daemon.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::daemon::{Daemon, Plan};
use super::process::cpu_seconds;
use super::rpc::{Connection, request};
use super::table::Row;
use super::{Bench, Side};

const PROGRAMS: usize = 50;
const CONNECTIONS: usize = 4;

/// Calls a second, and microseconds of CPU a call.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let window = Duration::from_secs(bench.pick(5, 2));
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for side in &bench.sides {
        let (rate, cost) = asked(side, window)?;
        rates.push(Some(rate));
        costs.push(Some(cost));
    }
    let name = "`getAllProcessInfo`, 50 programs, 4 kept TCP connections";
    Ok(vec![
        Row::higher(name, "calls/s", rates).aim("≥ 100 ×"),
        Row::lower(&format!("{name}, CPU a call"), "µs", costs).aim("≤ 1/20"),
    ])
}

fn asked(side: &Side, window: Duration) -> Result<(f64, f64)> {
    let mut plan = Plan::default();
    plan.sleepers(0..PROGRAMS);
    let daemon = Daemon::running(side, &plan, PROGRAMS)?;
    let before = cpu_seconds(daemon.pid())?;
    let began = Instant::now();
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| std::thread::spawn(client(daemon.port, window))).collect();
    let mut calls = 0;
    for client in clients {
        calls += client.join().map_err(|_| anyhow!("a client panicked"))??;
    }
    let (calls, seconds) = (f64::from(calls), began.elapsed().as_secs_f64());
    Ok((calls / seconds, (cpu_seconds(daemon.pid())? - before) * 1e6 / calls))
}

fn client(port: u16, window: Duration) -> impl FnOnce() -> Result<u32> {
    move || {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut connection = Connection::new(stream);
        let call = request("supervisor.getAllProcessInfo", &[]);
        connection.send(&call)?;
        let began = Instant::now();
        let mut calls = 0;
        while began.elapsed() < window {
            connection.exchange(&call)?;
            calls += 1;
        }
        Ok(calls)
    }
}
