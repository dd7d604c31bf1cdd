//! The programs that are supervised in a measurement: this tool under another word, so that they start in an instant.

use std::io::{Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use rustix::pipe::SpliceFlags;

/// `stamp FILE` writes the time as its first act and stays; `flood BYTES` writes blocks and ends; `lines` writes lines of
/// 100 bytes, one a call, until it is killed; `copy` reads and writes in the sizes of the daemon, and does nothing else;
/// `drop` only reads, `splice` moves by splice(2).
pub fn main(arguments: &[String]) -> Result<()> {
    let word = |index: usize| arguments.get(index).map(String::as_str).context("bench-child WORD ARGUMENT");
    match word(0)? {
        "stamp" => stamp(word(1)?),
        "flood" => flood(word(1)?.parse()?),
        "lines" => lines(),
        "copy" => copy(true),
        "drop" => copy(false),
        "splice" => splice(),
        other => bail!("there is no child {other}"),
    }
}

fn stamp(path: &str) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    // In one piece, by a rename: whoever waits for the file reads all of it.
    let new = format!("{path}.new");
    std::fs::write(&new, now.to_string())?;
    std::fs::rename(&new, path)?;
    loop {
        std::thread::sleep(Duration::from_secs(1_000_000));
    }
}

fn flood(mut left: usize) -> Result<()> {
    let block = "0123456789 and so on, in lines as programs write them, of eighty characters each\n".repeat(809);
    let mut output = std::io::stdout().lock();
    while left > 0 {
        let count = left.min(block.len());
        // Standard output is kept by line: whole blocks pass through to the pipe as they are.
        output.write_all(&block.as_bytes()[..count])?;
        left -= count;
    }
    output.flush().context("the reader is gone")
}

fn lines() -> Result<()> {
    let line = format!("{}\n", "a line of one hundred bytes, ".repeat(4).get(..99).unwrap_or_default());
    let output = std::io::stdout();
    loop {
        rustix::io::write(&output, line.as_bytes())?;
    }
}

/// The least that any logging by read(2) and write(2) costs, or reading alone.
fn copy(writes: bool) -> Result<()> {
    const SIZE: usize = 256 * 1024;
    const PAGE: usize = 4096;
    let (input, mut output) = (std::io::stdin(), std::io::stdout());
    let _ = rustix::pipe::fcntl_setpipe_size(&input, SIZE);
    let mut input = std::fs::File::from(rustix::io::dup(&input)?);
    // The kernel copies pages faster to where pages begin.
    let mut room = vec![0; SIZE + PAGE];
    let begin = room.as_ptr().align_offset(PAGE);
    let buffer = room.get_mut(begin..begin + SIZE).context("no room")?;
    loop {
        match input.read(buffer)? {
            0 => return output.flush().context("the log is gone"),
            count if writes => drop(rustix::io::write(&output, &buffer[..count])?),
            _ => {}
        }
    }
}

/// What it would cost if no byte came into this process. It is refused for a file that is open to append, as logs are.
fn splice() -> Result<()> {
    const SIZE: usize = 256 * 1024;
    let (input, output) = (std::io::stdin(), std::io::stdout());
    let _ = rustix::pipe::fcntl_setpipe_size(&input, SIZE);
    while rustix::pipe::splice(&input, None, &output, None, SIZE, SpliceFlags::MOVE)? > 0 {}
    Ok(())
}

/// The command line of a child, for `command=`.
pub fn command(words: &str) -> Result<String> {
    let tool = std::env::current_exe().context("cannot tell where this tool is")?;
    Ok(format!("{} bench-child {words}", tool.display()))
}
