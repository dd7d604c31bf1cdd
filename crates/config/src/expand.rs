//! `%(name)s` expansions: Python's `%` operator with named values, as the reference applies it to every value.
//!
//! A `%s` without a name is left as it is and doubted by `lint`: the reference pastes its whole environment there.
//! Deliberately absent: where the names come from (each section has its own, see `read`).

use std::collections::BTreeMap;

use crate::python::repr;

/// A value that can be pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Nearly all.
    Str(String),
    /// `process_num` and `numprocs`.
    Int(i64),
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl Text {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Str(_) => "str",
            Self::Int(_) => "int",
        }
    }
}

/// The names that a value may use: those of its section, then `ENV_…`.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Of the section; they win.
    pub own: &'a BTreeMap<String, Text>,
    /// Of the environment, with their prefix.
    pub environment: &'a BTreeMap<String, Text>,
}

impl Names<'_> {
    fn find(&self, name: &str) -> Option<&Text> {
        self.own.get(name).or_else(|| self.environment.get(name))
    }

    fn all(&self) -> String {
        let mut names: Vec<&str> = self.own.keys().chain(self.environment.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names.join(", ")
    }
}

/// The text with its names replaced.
///
/// # Errors
/// The reference's words; `what` is what they call the text.
pub fn expand(text: &str, names: Names<'_>, what: &str) -> Result<String, String> {
    if !text.contains('%') {
        return Ok(text.into());
    }
    Format { chars: text.chars().collect(), at: 0, names, out: String::new(), used: false }.run().map_err(|problem| {
        match problem {
            Bad::Name(name) => format!(
                "Format string {} for {} contains names ({}) which cannot be expanded. Available names: {}",
                repr(text),
                repr(what),
                repr(&name),
                names.all()
            ),
            Bad::Form(why) => format!("Format string {} for {} is badly formatted: {why}", repr(text), repr(what)),
        }
    })
}

enum Bad {
    Name(String),
    Form(String),
}

fn form<T>(why: impl Into<String>) -> Result<T, Bad> {
    Err(Bad::Form(why.into()))
}

/// The walk over a format string (CPython's `unicode_format_arg`).
struct Format<'a> {
    chars: Vec<char>,
    at: usize,
    names: Names<'a>,
    out: String,
    /// A value without a name can be asked for only once, before any with a name.
    used: bool,
}

/// What stands between the name and the letter.
#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// No number of a format is taken for larger: a typing error must not cost memory.
const MAX_WIDTH: usize = 65_536;

impl Format<'_> {
    fn run(mut self) -> Result<String, Bad> {
        while let Some(&c) = self.chars.get(self.at) {
            self.at += 1;
            if c == '%' { self.argument()? } else { self.out.push(c) }
        }
        Ok(self.out)
    }

    fn next(&mut self) -> Result<char, Bad> {
        let Some(&c) = self.chars.get(self.at) else { return form("incomplete format") };
        self.at += 1;
        Ok(c)
    }

    fn argument(&mut self) -> Result<(), Bad> {
        let start = self.at;
        let mut value = None;
        let mut c = self.next()?;
        if c == '(' {
            let name = self.name()?;
            value = Some(self.names.find(&name).cloned().ok_or(Bad::Name(name))?);
            self.used = true;
            c = self.next()?;
        }
        let spec = self.spec(&mut c, value.as_ref())?;
        if c == '%' {
            self.out.push('%');
            return Ok(());
        }
        match value {
            Some(value) => self.paste(&value, &spec, c),
            None if self.used => form("not enough arguments for format string"),
            None => self.nameless(start, c),
        }
    }

    /// Flags, width, precision and a length that means nothing.
    fn spec(&mut self, c: &mut char, value: Option<&Text>) -> Result<Spec, Bad> {
        let mut spec = Spec::default();
        loop {
            match c {
                '-' => spec.left = true,
                '+' => spec.plus = true,
                ' ' => spec.blank = true,
                '#' => spec.alternate = true,
                '0' => spec.zero = true,
                _ => break,
            }
            *c = self.next()?;
        }
        if *c == '*' {
            return form(star(value, self.used));
        }
        spec.width = self.number(c)?.unwrap_or(0);
        if *c == '.' {
            *c = self.next()?;
            if *c == '*' {
                return form(star(value, self.used));
            }
            spec.precision = Some(self.number(c)?.unwrap_or(0));
        }
        if matches!(c, 'h' | 'l' | 'L') {
            *c = self.next()?;
        }
        Ok(spec)
    }

    /// The name in parentheses, which may hold others.
    fn name(&mut self) -> Result<String, Bad> {
        let mut depth = 1;
        let mut name = String::new();
        while let Some(&c) = self.chars.get(self.at) {
            self.at += 1;
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(name);
            }
            name.push(c);
        }
        form("incomplete format key")
    }

    fn number(&mut self, c: &mut char) -> Result<Option<usize>, Bad> {
        let mut number = None;
        while let Some(digit) = c.to_digit(10) {
            let next = number.unwrap_or(0) * 10 + digit as usize;
            if next > MAX_WIDTH {
                return form("width too big");
            }
            number = Some(next);
            *c = self.next()?;
        }
        Ok(number)
    }

    /// The first value without a name is, to Python, the whole mapping.
    fn nameless(&mut self, start: usize, c: char) -> Result<(), Bad> {
        self.used = true;
        match c {
            's' | 'r' | 'a' => {
                self.out.push('%');
                self.out.extend(&self.chars[start..self.at]);
                Ok(())
            }
            _ => form(self.refusal(c, "dict")),
        }
    }

    fn refusal(&self, c: char, type_name: &str) -> String {
        match c {
            'd' | 'i' | 'u' => format!("%{c} format: a real number is required, not {type_name}"),
            'o' | 'x' | 'X' => format!("%{c} format: an integer is required, not {type_name}"),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => format!("must be real number, not {type_name}"),
            'c' => "%c requires int or char".into(),
            _ => {
                let shown = if (' '..='~').contains(&c) { c } else { '?' };
                let index = self.at - 1;
                format!("unsupported format character '{shown}' ({:#x}) at index {index}", u32::from(c))
            }
        }
    }

    fn paste(&mut self, value: &Text, spec: &Spec, c: char) -> Result<(), Bad> {
        let (sign, digits) = match (c, value) {
            ('s', Text::Str(text)) => (String::new(), cut(text, spec.precision)),
            ('r' | 'a', Text::Str(text)) => (String::new(), cut(&repr(text), spec.precision)),
            ('s' | 'r' | 'a', Text::Int(number)) => (String::new(), cut(&number.to_string(), spec.precision)),
            ('c', Text::Str(text)) if text.chars().count() == 1 => (String::new(), text.clone()),
            ('c', Text::Int(number)) => match u32::try_from(*number).ok().and_then(char::from_u32) {
                Some(c) => (String::new(), c.into()),
                None => return form("%c arg not in range(0x110000)"),
            },
            ('d' | 'i' | 'u' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G', &Text::Int(number)) => {
                let sign = match number {
                    number if number < 0 => "-",
                    _ if spec.plus => "+",
                    _ if spec.blank => " ",
                    _ => "",
                };
                (sign.to_owned(), digits_of(number.unsigned_abs(), spec, c))
            }
            (c, value) => return form(self.refusal(c, value.type_name())),
        };
        let zeros = spec.zero && !spec.left && !matches!(c, 's' | 'r' | 'a' | 'c');
        let missing = spec.width.saturating_sub(sign.chars().count() + digits.chars().count());
        let padding = |c: &str| c.repeat(missing);
        match (spec.left, zeros) {
            (true, _) => self.out.extend([sign, digits, padding(" ")]),
            (false, true) => self.out.extend([sign, padding("0"), digits]),
            (false, false) => self.out.extend([padding(" "), sign, digits]),
        }
        Ok(())
    }
}

/// Why a width or precision cannot be taken from the values.
fn star(value: Option<&Text>, used: bool) -> &'static str {
    match value {
        Some(Text::Int(_)) => "not enough arguments for format string",
        None if used => "not enough arguments for format string",
        _ => "* wants int",
    }
}

fn cut(text: &str, precision: Option<usize>) -> String {
    text.chars().take(precision.unwrap_or(usize::MAX)).collect()
}

fn digits_of(number: u64, spec: &Spec, c: char) -> String {
    let digits = match c {
        'o' => format!("{number:o}"),
        'x' => format!("{number:x}"),
        'X' => format!("{number:X}"),
        #[allow(clippy::cast_precision_loss)]
        'f' | 'F' => return format!("{:.*}", spec.precision.unwrap_or(6), number as f64),
        'e' | 'E' | 'g' | 'G' => return number.to_string(),
        _ => number.to_string(),
    };
    let digits = format!("{digits:0>width$}", width = spec.precision.unwrap_or(0));
    match (spec.alternate, c) {
        (true, 'o') => format!("0o{digits}"),
        (true, 'x') => format!("0x{digits}"),
        (true, 'X') => format!("0X{digits}"),
        _ => digits,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Names, Text, expand};

    fn try_expand(text: &str) -> Result<String, String> {
        let own = BTreeMap::from([
            ("here".into(), "/etc".into()),
            ("process_num".into(), Text::Int(7)),
            ("a(b)".into(), "nested".into()),
        ]);
        let environment = BTreeMap::from([("ENV_X".into(), "1".into())]);
        expand(text, Names { own: &own, environment: &environment }, "program:x.command")
    }

    #[test]
    fn names_widths_and_percent_signs_are_expanded() {
        for (text, expanded) in [
            ("plain", "plain"),
            ("%(here)s/x", "/etc/x"),
            ("100%%", "100%"),
            ("%%(here)s", "%(here)s"),
            ("%(process_num)d %(process_num)02d %(process_num)-3d| %(process_num)s", "7 07 7  | 7"),
            ("%(process_num)+d %(process_num)x %(process_num)#o %(process_num).3d", "+7 7 0o7 007"),
            ("%(here)6s %(here).2s %(here)r", "  /etc /e '/etc'"),
            ("%(a(b))s %(ENV_X)s %(here)%", "nested 1 %"),
            ("%(process_num)02s", " 7"),
            ("%(process_num)ld", "7"),
            ("date +%s", "date +%s"),
        ] {
            assert_eq!(try_expand(text).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_lists_those_that_are_known() {
        assert_eq!(
            try_expand("%(nope)s").unwrap_err(),
            "Format string '%(nope)s' for 'program:x.command' contains names ('nope') which cannot be expanded. \
             Available names: ENV_X, a(b), here, process_num"
        );
    }

    #[test]
    fn a_malformed_expansion_says_why() {
        for (text, why) in [
            ("50%", "incomplete format"),
            ("%(here)", "incomplete format"),
            ("%(here", "incomplete format key"),
            ("%Y", "unsupported format character 'Y' (0x59) at index 1"),
            ("%(here)y", "unsupported format character 'y' (0x79) at index 7"),
            ("+%d", "%d format: a real number is required, not dict"),
            ("%(here)d", "%d format: a real number is required, not str"),
            ("%(here)x", "%x format: an integer is required, not str"),
            ("%(here)f", "must be real number, not str"),
            ("%(here)c", "%c requires int or char"),
            ("%s %s", "not enough arguments for format string"),
            ("%(here)s %s", "not enough arguments for format string"),
            ("%*s", "* wants int"),
            ("%(here)99999999s", "width too big"),
        ] {
            let said = try_expand(text).unwrap_err();
            assert!(said.ends_with(&format!(" for 'program:x.command' is badly formatted: {why}")), "{said}");
        }
    }
}
