//! The status page as it is without scripts: every program with its state and what can be done to it, by links.
//!
//! Scripts take over from it and keep it up to date (`web/scripts/status.js`, `live`).

use std::fmt::Write as _;

use engine::action::ProcessOverview;
use engine::{Answer, Request};
use hyper::StatusCode;
use model::{ProcessState, SUPERVISOR_VERSION, namespec};

use super::super::calls::{self, Question};
use super::super::query::{escape, quote};
use super::super::reply::{self, Reply};
use super::super::service::Exchange;
use super::{fill, html};

/// The page, with a message above the programs.
pub(super) async fn page(exchange: &Exchange<'_>, message: Option<&str>) -> Reply {
    let question = Question::New(Request::Overview);
    let Ok(Answer::Overview(overview)) = calls::ask(&exchange.front, &exchange.connection.slot, question).await else {
        return reply::error(StatusCode::SERVICE_UNAVAILABLE);
    };
    // The name that nobody chose says nothing beside the title.
    let identifier = if overview.identifier == "supervisor" { String::new() } else { escape(&overview.identifier) };
    html(fill(
        include_str!("../web/status.html"),
        &[
            ("identifier", &identifier),
            ("version", SUPERVISOR_VERSION),
            ("hidden", if message.is_some() { "" } else { " hidden" }),
            ("message", &escape(message.unwrap_or_default())),
            ("table", &table(&overview.processes)),
        ],
    ))
}

fn table(programs: &[ProcessOverview]) -> String {
    if programs.is_empty() {
        return "<p class=\"empty\">No programs to manage</p>".to_owned();
    }
    let mut out = String::with_capacity(programs.len() * 1024);
    out.push_str(
        "<table id=\"programs\">\n<thead>\n<tr><th scope=\"col\">State</th><th scope=\"col\">Name</th>\
         <th scope=\"col\">Description</th><th scope=\"col\" class=\"number\">CPU</th>\
         <th scope=\"col\" class=\"number\">Memory</th><th scope=\"col\">Action</th></tr>\n</thead>\n",
    );
    for group in programs.chunk_by(|one, other| one.group == other.group) {
        out.push_str("<tbody>\n");
        if let [first, ..] = group
            && (group.len() > 1 || first.name != first.group)
        {
            group_row(&mut out, &first.group);
        }
        for program in group {
            row(&mut out, program);
        }
        out.push_str("</tbody>\n");
    }
    out.push_str("</table>");
    out
}

fn group_row(out: &mut String, group: &str) {
    let group = escape(group);
    let _ = writeln!(
        out,
        "<tr class=\"group\"><td class=\"count\"></td><th scope=\"rowgroup\">{group}</th><td></td><td></td><td></td>\
         <td class=\"action\"><form action=\"index.html\" method=\"post\"><input type=\"hidden\" name=\"page\" value=\"1\">\
         <input type=\"hidden\" name=\"group\" value=\"{group}\"><button name=\"action\" value=\"start\">Start</button> \
         <button name=\"action\" value=\"restart\">Restart</button> <button name=\"action\" value=\"stop\">Stop</button> \
         <button name=\"action\" value=\"clearlog\">Clear Logs</button></form></td></tr>"
    );
}

fn row(out: &mut String, program: &ProcessOverview) {
    let name = namespec(&program.group, &program.name);
    let quoted = quote(&name);
    let state = program.state.name().to_ascii_lowercase();
    let _ = write!(
        out,
        "<tr><td><span class=\"state {state}\">{state}</span></td>\
         <td class=\"name\"><a href=\"tail.html?processname={quoted}\">{}</a></td><td class=\"description\">{}</td>\
         <td class=\"number\"></td><td class=\"number\"></td><td class=\"action\"><ul>",
        escape(&name),
        escape(&program.description),
    );
    for (label, action) in verbs(program.state) {
        let _ = write!(out, "<li><a href=\"index.html?processname={quoted}&amp;action={action}\">{label}</a></li>");
    }
    let _ = writeln!(
        out,
        "<li><a href=\"logtail/{quoted}\" target=\"_blank\">Tail -f Stdout</a></li>\
         <li><a href=\"logtail/{quoted}/stderr\" target=\"_blank\">Tail -f Stderr</a></li></ul></td></tr>"
    );
}

/// What can be done to a program in this state, as the reference offers it.
fn verbs(state: ProcessState) -> &'static [(&'static str, &'static str)] {
    match state {
        ProcessState::Running => &[("Restart", "restart"), ("Stop", "stop"), ("Clear Log", "clearlog")],
        ProcessState::Stopped | ProcessState::Exited | ProcessState::Fatal => {
            &[("Start", "start"), ("Clear Log", "clearlog")]
        }
        ProcessState::Starting | ProcessState::Backoff | ProcessState::Stopping | ProcessState::Unknown => {
            &[("Clear Log", "clearlog")]
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::action::ProcessOverview;
    use model::ProcessState;

    use super::table;

    #[test]
    fn a_program_cannot_inject_markup_by_its_name_group_or_description() {
        let evil = "<script>alert(1)</script>\"'&";
        let page = table(&[ProcessOverview {
            group: format!("g{evil}"),
            name: evil.to_owned(),
            state: ProcessState::Backoff,
            description: evil.to_owned(),
            pid: None,
            start: 0,
            logs: [None, None],
        }]);
        assert!(!page.contains("<script") && !page.contains("\"'&"), "{page}");
        assert!(page.contains("&lt;script&gt;"));
    }
}
