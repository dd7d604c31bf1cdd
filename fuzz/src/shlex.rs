//! Commands: what is split can be quoted and split again.

use wire::shlex::split;

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(words) = split(&text) else { return };
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\"'\"'"))).collect();
    assert_eq!(split(&quoted.join(" ")), Ok(words));
}
