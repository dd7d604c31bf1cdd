//! Doubts about `command`: what only a shell would understand.
//!
//! Deliberately absent: whether the program is there (it may come later; the start tells).

/// Programs that understand what is doubted here.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox"];

/// A word of a command and whether any of it was quoted.
struct Word {
    text: String,
    quoted: bool,
}

/// The words; `None` if a quote is not closed.
fn words(command: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert(Word { text: String::new(), quoted: false });
        match c {
            '\'' | '"' => {
                word.quoted = true;
                loop {
                    match chars.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => word.text.push(chars.next()?),
                        inner => word.text.push(inner),
                    }
                }
            }
            '\\' => {
                word.quoted = true;
                word.text.extend(chars.next());
            }
            c => word.text.push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// `$NAME`, `${NAME}` or `$(command)`.
pub(super) fn has_variable(text: &str) -> bool {
    text.split('$')
        .skip(1)
        .any(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{' | '(')))
}

/// `|`, `&&`, `>file`, `2>&1` and the like, as words of their own.
fn is_operator(word: &str) -> bool {
    let bare = word.trim_start_matches(|c: char| c.is_ascii_digit());
    matches!(word, "|" | "||" | "&&" | "&" | ";" | "|&")
        || bare.starts_with('>')
        || (bare.starts_with('<') && bare == word)
}

/// What is doubtful about a command, and what would be right.
pub(super) fn doubts(command: &str, cut: bool) -> Vec<(String, &'static str)> {
    let Some(words) = words(command) else {
        return vec![if cut {
            let text = "a comment cuts it inside quotes: ; and # begin one after a blank, even there";
            (text.into(), "write ; or # without a blank before it, or put the commands into a script")
        } else {
            ("a quote is not closed".into(), "")
        }];
    };
    let name = |word: &Word| word.text.rsplit('/').next().unwrap_or_default().to_owned();
    let has_shell = words.iter().any(|word| SHELLS.contains(&name(word).as_str()));
    let mut found = Vec::new();
    let program = words.first().map_or("", |word| word.text.as_str());
    if program.contains('/') && !program.starts_with(['/', '~', '$']) {
        let text = format!("the relative path {program} depends on where supervisord is started");
        found.push((text, "write an absolute path"));
    }
    if has_shell {
        return found;
    }
    if let Some(word) = words.iter().find(|word| !word.quoted && is_operator(&word.text)) {
        let text = format!("no shell runs it: {} is given to the program as it is", word.text);
        found.push((text, "write sh -c \"…\", or use stdout_logfile"));
    }
    if let Some(word) = words.iter().find(|word| !word.quoted && word.text.starts_with('~')) {
        found.push((format!("no shell runs it: {} is not expanded", word.text), "write %(ENV_HOME)s"));
    }
    if let Some(word) = words.iter().find(|word| has_variable(&word.text)) {
        found.push((format!("no shell runs it: {} is not expanded", word.text), "write %(ENV_NAME)s"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::doubts;

    #[test]
    fn only_what_a_shell_would_understand_is_doubted() {
        for (command, said) in [
            ("/bin/cat -u", ""),
            ("/bin/echo a | /bin/cat", "no shell runs it: | is"),
            ("/bin/echo a >/tmp/x", "no shell runs it: >/tmp/x is"),
            ("/bin/echo a 2>&1", "no shell runs it: 2>&1 is"),
            ("/bin/echo '|' \"a > b\"", ""),
            ("/bin/sh -c \"echo $HOME | cat\"", ""),
            ("/usr/bin/env bash -c 'echo ~ &'", ""),
            ("~/bin/x", "no shell runs it: ~/bin/x is not expanded"),
            ("/bin/echo \"${HOME}\"", "no shell runs it: ${HOME} is not expanded"),
            ("/bin/echo 5$", ""),
            ("./run", "the relative path ./run"),
            ("sh -c \"a", "a quote is not closed"),
        ] {
            let found = doubts(command, false);
            assert_eq!(found.is_empty(), said.is_empty(), "{command}: {found:?}");
            assert!(found.first().is_none_or(|(text, _)| text.starts_with(said)), "{command}: {found:?}");
        }
        assert!(doubts("sh -c \"a", true).first().unwrap().0.starts_with("a comment cuts it"));
    }
}
