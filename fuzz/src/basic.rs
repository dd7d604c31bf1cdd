//! Authorization headers: no bytes do harm, and what a client writes is what is read.

use wire::credentials::{Basic, basic_header, matches};

pub fn run(data: &[u8]) {
    if let Ok(shown) = Basic::parse(data) {
        let (name, password) = (String::from_utf8_lossy(&shown.username), String::from_utf8_lossy(&shown.password));
        let exact = name.as_bytes() == shown.username && password.as_bytes() == shown.password;
        let hashed = password.starts_with("{SHA}");
        assert!(!exact || hashed || matches(&shown, &name, &password));
        assert!(!matches(&shown, &name, "another password"), "a password that was not shown is taken");
    }
    let text = String::from_utf8_lossy(data);
    let (name, password) = text.split_once(':').unwrap_or((&text, ""));
    let written = Basic::parse(basic_header(name, password).as_bytes()).expect("what is written can be read");
    assert_eq!((written.username, written.password), (name.into(), password.into()));
}
