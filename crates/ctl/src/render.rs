//! The lines that scripts and people have learnt: pure functions from answers to text.
//!
//! Widths count characters, as the reference's do. Deliberately absent: calls and exit statuses.

use std::collections::BTreeMap;

use model::{FaultCode, Value, namespec};

/// What one process of a call to many came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Its group.
    pub group: String,
    /// Its name; `*` where the whole group was meant.
    pub name: String,
    /// A fault's code, or that of success.
    pub status: i64,
    /// A fault's text.
    pub description: String,
}

impl Outcome {
    /// All of an answer.
    pub fn all(answer: &Value) -> Vec<Self> {
        items(answer).iter().map(Self::of).collect()
    }

    fn of(value: &Value) -> Self {
        Self {
            group: text(value, "group"),
            name: text(value, "name"),
            status: number(value, "status"),
            description: text(value, "description"),
        }
    }

    fn spec(&self) -> String {
        namespec(&self.group, &self.name)
    }

    fn error(&self, what: &str) -> String {
        format!("{}: ERROR ({what})", self.spec())
    }

    fn code(&self) -> Option<FaultCode> {
        FaultCode::from_number(self.status)
    }

    /// After `start`.
    pub fn started(&self) -> String {
        match self.code() {
            Some(FaultCode::Success) => format!("{}: started", self.spec()),
            Some(FaultCode::BadName) => self.error("no such process"),
            Some(FaultCode::NoFile) => self.error("no such file"),
            Some(FaultCode::NotExecutable) => self.error("file is not executable"),
            Some(FaultCode::AlreadyStarted) => self.error("already started"),
            Some(FaultCode::SpawnError) => self.error("spawn error"),
            Some(FaultCode::AbnormalTermination) => self.error("abnormal termination"),
            _ => self.error(&self.description),
        }
    }

    /// After `stop` (`done` is `stopped`) and `signal` (`signalled`).
    pub fn signalled(&self, done: &str) -> String {
        match self.code() {
            Some(FaultCode::Success) => format!("{}: {done}", self.spec()),
            Some(FaultCode::BadName) => self.error("no such process"),
            Some(FaultCode::BadSignal) => self.error("bad signal name"),
            Some(FaultCode::NotRunning) => self.error("not running"),
            Some(FaultCode::Failed) => self.description.clone(),
            _ => self.error(&self.description),
        }
    }

    /// After `clear`.
    pub fn cleared(&self) -> String {
        match self.code() {
            Some(FaultCode::Success) => format!("{}: cleared", self.spec()),
            Some(FaultCode::BadName) => self.error("no such process"),
            Some(FaultCode::Failed) => self.error("failed"),
            _ => self.error(&self.description),
        }
    }
}

/// The elements of an array; none where it is something else.
pub fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        _ => &[],
    }
}

/// A member that is text; empty where it is missing.
pub fn text(value: &Value, member: &str) -> String {
    value.member(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A member that is a number; 0 where it is missing.
pub fn number(value: &Value, member: &str) -> i64 {
    value.member(member).and_then(Value::as_int).unwrap_or_default()
}

/// Text, and blanks up to a width.
fn padded(text: &str, width: usize) -> String {
    let blanks = width.saturating_sub(text.chars().count());
    format!("{text}{:blanks$}", "")
}

/// The table of `status`: its first column is as wide as the longest name, at least 30, and three blanks.
pub fn status_table(infos: &[&Value]) -> Vec<String> {
    let names: Vec<String> = infos.iter().map(|info| namespec(&text(info, "group"), &text(info, "name"))).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(30) + 3;
    names
        .iter()
        .zip(infos)
        .map(|(name, info)| {
            let state = padded(&text(info, "statename"), 10);
            format!("{}{state}{}", padded(name, width), text(info, "description"))
        })
        .collect()
}

/// A line of `avail`.
pub fn configured(info: &Value) -> String {
    let truth = |member| info.member(member).and_then(Value::as_int).unwrap_or_default() != 0;
    format!(
        "{} {} {} {}:{}",
        padded(&namespec(&text(info, "group"), &text(info, "name")), 32),
        padded(if truth("inuse") { "in use" } else { "avail" }, 9),
        padded(if truth("autostart") { "auto" } else { "manual" }, 9),
        number(info, "group_prio"),
        number(info, "process_prio"),
    )
}

/// What a reread found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Groups that are new.
    pub added: Vec<String>,
    /// Groups that are not as they were.
    pub changed: Vec<String>,
    /// Groups that are gone.
    pub removed: Vec<String>,
}

impl Changes {
    /// Of `reloadConfig`'s answer, which is nested once more than it need be.
    pub fn of(answer: &Value) -> Self {
        let mut lists = items(answer).first().map_or([].as_slice(), items).iter().map(names);
        let mut next = || lists.next().unwrap_or_default();
        Self { added: next(), changed: next(), removed: next() }
    }

    /// The lines of `reread`.
    pub fn lines(&self) -> Vec<String> {
        // A name that is told twice has one line, the last of its words.
        let mut found: BTreeMap<&String, &str> = BTreeMap::new();
        for (names, what) in [(&self.added, "available"), (&self.changed, "changed"), (&self.removed, "disappeared")] {
            found.extend(names.iter().map(|name| (name, what)));
        }
        if found.is_empty() {
            return vec!["No config updates to processes".into()];
        }
        found.into_iter().map(|(name, what)| format!("{name}: {what}")).collect()
    }
}

fn names(list: &Value) -> Vec<String> {
    items(list).iter().filter_map(Value::as_str).map(Into::into).collect()
}

/// Words in columns, read downwards, on lines of at most `width` characters: as few lines as possible.
pub fn columns(words: &[&str], width: usize) -> Vec<String> {
    let length = |word: &&str| word.chars().count();
    for rows in 1..words.len() {
        let widths: Vec<usize> =
            words.chunks(rows).map(|column| column.iter().map(length).max().unwrap_or(0)).collect();
        let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        if total > width {
            continue;
        }
        let line = |row: usize| {
            let cells = words.chunks(rows).zip(&widths);
            let filled = cells.filter_map(|(column, width)| column.get(row).map(|word| padded(word, *width)));
            filled.collect::<Vec<_>>().join("  ")
        };
        return (0..rows).map(line).collect();
    }
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(group: &str, name: &str, state: &str, description: &str) -> Value {
        let member = |name: &'static str, value: &str| (name.into(), Value::str(value.to_owned()));
        Value::Struct(vec![
            member("group", group),
            member("name", name),
            member("statename", state),
            member("description", description),
        ])
    }

    #[test]
    fn the_status_table_has_a_first_column_of_33_or_more() {
        let (web, long) =
            (info("web", "web", "RUNNING", "pid 7, uptime 0:00:01"), info("größe", &"n".repeat(30), "FATAL", "why"));
        assert_eq!(status_table(&[&web]), ["web                              RUNNING   pid 7, uptime 0:00:01"]);
        assert_eq!(
            status_table(&[&web, &long]),
            [
                format!("web{}RUNNING   pid 7, uptime 0:00:01", " ".repeat(36)),
                format!("größe:{}   FATAL     why", "n".repeat(30)),
            ]
        );
        assert!(status_table(&[]).is_empty());
    }

    #[test]
    fn every_outcome_has_its_words() {
        let of = |status| Outcome { group: "g".into(), name: "p".into(), status, description: "FAILED: x".into() };
        assert_eq!(of(80).started(), "g:p: started");
        assert_eq!(of(10).started(), "g:p: ERROR (no such process)");
        assert_eq!(of(20).started(), "g:p: ERROR (no such file)");
        assert_eq!(of(21).started(), "g:p: ERROR (file is not executable)");
        assert_eq!(of(60).started(), "g:p: ERROR (already started)");
        assert_eq!(of(50).started(), "g:p: ERROR (spawn error)");
        assert_eq!(of(40).started(), "g:p: ERROR (abnormal termination)");
        assert_eq!(of(80).signalled("stopped"), "g:p: stopped");
        assert_eq!(of(70).signalled("stopped"), "g:p: ERROR (not running)");
        assert_eq!(of(11).signalled("signalled"), "g:p: ERROR (bad signal name)");
        assert_eq!(of(30).signalled("signalled"), "FAILED: x");
        assert_eq!(of(30).cleared(), "g:p: ERROR (failed)");
        assert_eq!(of(6).started(), "g:p: ERROR (FAILED: x)", "an unexpected fault is shown with its text");
    }

    #[test]
    fn a_configured_process_is_one_line() {
        let value = Value::Struct(vec![
            ("group".into(), "crew".into()),
            ("name".into(), "hand".into()),
            ("inuse".into(), Value::Bool(true)),
            ("autostart".into(), Value::Bool(false)),
            ("group_prio".into(), Value::Int(30)),
            ("process_prio".into(), Value::Int(999)),
        ]);
        assert_eq!(configured(&value), "crew:hand                        in use    manual    30:999");
    }

    #[test]
    fn changes_are_told_in_order_of_name() {
        let list = |names: &[&'static str]| Value::Array(names.iter().map(|&name| name.into()).collect());
        let answer = Value::Array(vec![Value::Array(vec![list(&["z"]), list(&["b"]), list(&["a"])])]);
        assert_eq!(Changes::of(&answer).lines(), ["a: disappeared", "b: changed", "z: available"]);
        let twice = Changes { added: vec!["f".into(), "f".into()], ..Changes::of(&Value::Nil) };
        assert_eq!(twice.lines(), ["f: available"]);
        assert_eq!(Changes::of(&Value::Nil).lines(), ["No config updates to processes"]);
    }

    #[test]
    fn words_are_put_into_columns_read_downwards() {
        let words = ["a", "bb", "ccc", "d", "e"];
        assert_eq!(columns(&words, 10), ["a   ccc  e", "bb  d  "]);
        assert_eq!(columns(&words, 3), words);
        assert_eq!(columns(&words, 80), ["a  bb  ccc  d  e"]);
        assert!(columns(&[], 80).is_empty());
    }
}
