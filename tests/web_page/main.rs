//! The web page in a real browser, served by a real supervisord that supervises real programs.
//!
//! Skipped where Chromium is not installed, unless CI asks for it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests say what they expect, too"
)]

mod browser;
mod daemon;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use browser::{Browser, Look, WIDE, until};
use daemon::Daemon;

/// The text of a program's row, as an expression of the page.
fn row(name: &str) -> String {
    format!(
        "[...document.querySelectorAll('tr')].find((row) => row.querySelector('.name a')?.textContent === '{name}')"
    )
}

fn shows(name: &str, state: &str) -> String {
    format!("{}?.querySelector('.state')?.textContent === '{state}'", row(name))
}

fn click(browser: &Browser, name: &str, label: &str) {
    let button = format!("[...{}.querySelectorAll('a')].find((link) => link.textContent === '{label}')", row(name));
    browser.wait(&button);
    browser.run(&format!("{button}.click()"));
}

#[test]
fn the_page_follows_the_programs_and_does_what_is_clicked() {
    let Some(browser) = Browser::open() else { return };
    let daemon = Daemon::start();
    browser.visit(&daemon.address());
    browser.wait("document.querySelector('#live').textContent === 'live'");
    for (name, state) in [("feed", "running"), ("web:web_0", "running"), ("broken", "fatal"), ("idle", "stopped")] {
        browser.wait(&shows(name, state));
    }
    // Without a reload: a mark in the page survives.
    browser.run("window.mark = 1");
    click(&browser, "idle", "Start");
    browser.wait(&shows("idle", "running"));
    browser.wait("document.querySelector('#message').textContent === 'Process idle started'");
    browser.wait(&format!("/^\\d/.test({}.querySelectorAll('.number')[1].textContent)", row("idle")));
    daemon.call("supervisor.stopProcess", &["idle"]);
    browser.wait(&shows("idle", "stopped"));
    let group = "[...document.querySelectorAll('tr.group')].find((row) => row.textContent.includes('web'))";
    browser.run(&format!("[...{group}.querySelectorAll('button')].find((one) => one.textContent === 'Stop').click()"));
    browser.wait(&shows("web:web_1", "stopped"));
    browser.wait("document.querySelector('#message').textContent === 'Group web stopped'");
    assert_eq!(browser.run("return window.mark"), 1);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn programs_are_filtered_by_name_and_state() {
    let Some(browser) = Browser::open() else { return };
    let daemon = Daemon::start();
    browser.visit(&daemon.address());
    browser.wait(&shows("broken", "fatal"));
    let visible = "[...document.querySelectorAll('tbody:not([hidden]) tr[data-key]:not([hidden]) .name')].map((name) => name.textContent).join()";
    browser
        .run("const box = document.querySelector('#filter'); box.value = 'WEB'; box.dispatchEvent(new Event('input'))");
    browser.wait(&format!("{visible} === 'web:web_0,web:web_1'"));
    browser.run("const box = document.querySelector('#filter'); box.value = ''; box.dispatchEvent(new Event('input'))");
    browser.run("document.querySelector('#states [data-state=FATAL]').click()");
    browser.wait(&format!("{visible} === 'broken'"));
}

#[test]
fn a_log_is_followed_paused_and_shown_as_text() {
    let Some(browser) = Browser::open() else { return };
    let daemon = Daemon::start();
    browser.visit(&daemon.address());
    browser.wait(&shows("feed", "running"));
    click(&browser, "feed", "stdout");
    daemon.feed("<img src=x onerror=\"document.title='broken in'\">\n");
    let text = "document.querySelector('#log pre').textContent";
    browser.wait(&format!("{text}.includes('<img src=x')"));
    let button = |label: &str| {
        format!("[...document.querySelectorAll('#log button')].find((one) => one.textContent === '{label}')")
    };
    browser.run(&format!("{}.click()", button("Pause")));
    daemon.feed("while paused\n");
    browser.wait(&button("Follow"));
    browser.run(&format!("{}.click()", button("Follow")));
    browser.wait(&format!("{text}.includes('while paused')"));
    assert_eq!(browser.run("return document.title"), "Supervisor Status");
    browser.screenshot("log");
    // The same as a page of its own.
    browser.visit(&format!("{}logtail.html?processname=feed", daemon.address()));
    browser.wait(&format!("{text}.includes('while paused')"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_page_is_shown_in_light_and_dark_on_screens_and_phones() {
    let Some(browser) = Browser::open() else { return };
    let daemon = Daemon::start();
    for (name, look) in [
        ("light", WIDE),
        ("dark", Look { dark: true, ..WIDE }),
        ("phone", Look { width: 390, height: 844, dark: false }),
        ("phone-dark", Look { width: 390, height: 844, dark: true }),
    ] {
        browser.look(look);
        browser.visit(&daemon.address());
        browser.wait(&shows("broken", "fatal"));
        browser.wait(&format!("/^\\d/.test({}.querySelectorAll('.number')[0].textContent)", row("feed")));
        browser.screenshot(name);
        let wide = browser.run("return document.documentElement.scrollWidth <= window.innerWidth");
        assert_eq!(wide, true, "{name}: one must scroll sideways");
    }
}

#[test]
fn the_page_works_below_a_path_of_a_proxy() {
    let Some(browser) = Browser::open() else { return };
    let daemon = Daemon::start();
    let port = proxy(daemon.port);
    browser.visit(&format!("http://127.0.0.1:{port}/some/where/"));
    browser.wait("document.querySelector('#live').textContent === 'live'");
    click(&browser, "feed", "Stop");
    browser.wait(&shows("feed", "stopped"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// A proxy that hands `/some/where/…` on as `/…`, one request a connection.
fn proxy(to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || pass_on(client, to));
        }
    });
    port
}

fn pass_on(mut client: TcpStream, to: u16) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match client.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).replacen(" /some/where/", " /", 1);
    let lines = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:") && !line.is_empty());
    let head = lines.map(|line| format!("{line}\r\n")).collect::<String>() + "Connection: close\r\n\r\n";
    let mut server = TcpStream::connect(("127.0.0.1", to)).unwrap();
    let _ = server.write_all(head.as_bytes());
    let (mut from, mut into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut from, &mut into));
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Both);
}

#[test]
fn a_page_of_another_site_stops_nothing() {
    let Some(browser) = Browser::open() else { return };
    let daemon = Daemon::start();
    let target = daemon.address();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let evil = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        let page = format!(
            "<img src=\"{target}index.html?action=stopall\"><form action=\"{target}index.html\" method=post>\
             <input name=action value=stopall></form><script>setTimeout(() => document.forms[0].submit(), 500)</script>"
        );
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 4096]);
            let length = page.len();
            let _ =
                write!(client, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{page}");
        }
    });
    browser.visit(&evil);
    assert!(until(|| browser.run("return document.body.innerText").to_string().contains("403 Forbidden")));
    let states = daemon.call("supervisor.getAllProcessInfo", &[]);
    assert!(states.contains("RUNNING") && !states.contains("STOPPING"), "{states}");
}
