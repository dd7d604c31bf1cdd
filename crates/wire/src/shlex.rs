//! Splitting a command as Python's `shlex.split(…, comments=False)` splits it: the rule for `command=`.
//!
//! Deliberately absent: comments, variables, globs and everything else that a shell does besides.

/// Why a command cannot be split; the words are Python's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A quote is open at the end.
    #[error("No closing quotation")]
    NoClosingQuotation,
    /// A backslash is the last character.
    #[error("No escaped character")]
    NoEscapedCharacter,
}

/// The words of a command.
///
/// # Errors
/// An open quote or a backslash at the end.
pub fn split(text: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    // None between words: quotes make a word even where they hold nothing.
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => {
                let escaped = letters.next().ok_or(SplitError::NoEscapedCharacter)?;
                word.get_or_insert_default().push(escaped);
            }
            '\'' => single_quoted(&mut letters, word.get_or_insert_default())?,
            '"' => double_quoted(&mut letters, word.get_or_insert_default())?,
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(letters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), SplitError> {
    for letter in letters {
        if letter == '\'' {
            return Ok(());
        }
        word.push(letter);
    }
    Err(SplitError::NoClosingQuotation)
}

/// Between double quotes a backslash escapes only a double quote and itself, and else stands for itself.
fn double_quoted(letters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), SplitError> {
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Ok(()),
            '\\' => {
                let escaped = letters.next().ok_or(SplitError::NoEscapedCharacter)?;
                if !matches!(escaped, '"' | '\\') {
                    word.push('\\');
                }
                word.push(escaped);
            }
            _ => word.push(letter),
        }
    }
    Err(SplitError::NoClosingQuotation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_split_as_python_splits_them() {
        for (text, words) in [
            ("", vec![]),
            (" a  b\tc\n", vec!["a", "b", "c"]),
            ("a'b c'd \"\" ''", vec!["ab cd", "", ""]),
            (r#"sh -c "echo \"x\" \$y \\ 'z'""#, vec!["sh", "-c", r#"echo "x" \$y \ 'z'"#]),
            (r"a\ b \'c '\'", vec!["a b", "'c", "\\"]),
            ("a#b #c", vec!["a#b", "#c"]),
            ("a\\\nb", vec!["a\nb"]),
            ("x\u{a0}y", vec!["x\u{a0}y"]),
        ] {
            assert_eq!(
                split(text).as_deref(),
                Ok(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_left_open_is_an_error_in_pythons_words() {
        for text in ["'a", "\"a", "a \"b'"] {
            assert_eq!(split(text).map_err(|error| error.to_string()), Err("No closing quotation".into()), "{text}");
        }
        for text in ["\\", "a \"b\\", "a\\"] {
            assert_eq!(split(text).map_err(|error| error.to_string()), Err("No escaped character".into()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back_whole(words in proptest::collection::vec("[^\\x00]{0,8}", 0..6)) {
            let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\"'\"'"))).collect();
            prop_assert_eq!(split(&quoted.join(" ")), Ok(words));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = split(&text);
        }
    }
}
