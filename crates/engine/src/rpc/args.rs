//! Parameters as methods take them. Where Python's own conversions let other types pass (a number as text, anything as
//! a truth), scripts depend on it, and they pass here as well.

use std::borrow::Cow;

use model::{Fault, FaultCode, Value};

/// The parameters of a call; their number has been checked.
#[derive(Clone, Copy)]
pub(super) struct Args<'a>(pub(super) &'a [Value]);

fn wrong() -> Fault {
    Fault::bare(FaultCode::IncorrectParameters)
}

impl<'a> Args<'a> {
    pub(super) const fn count(self) -> usize {
        self.0.len()
    }

    /// A text; base64 is taken for the text that it holds.
    ///
    /// # Errors
    /// INCORRECT_PARAMETERS for any other type.
    pub(super) fn text(self, index: usize) -> Result<&'a str, Fault> {
        match self.0.get(index) {
            Some(Value::Str(text)) => Ok(text),
            Some(Value::Bytes(bytes)) => std::str::from_utf8(bytes).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }

    /// A text, or a number as text.
    ///
    /// # Errors
    /// INCORRECT_PARAMETERS for any other type.
    pub(super) fn word(self, index: usize) -> Result<Cow<'a, str>, Fault> {
        match self.0.get(index) {
            Some(Value::Int(number)) => Ok(Cow::Owned(number.to_string())),
            Some(Value::Bool(truth)) => Ok(Cow::Borrowed(if *truth { "1" } else { "0" })),
            _ => self.text(index).map(Cow::Borrowed),
        }
    }

    /// Any single value as Python writes it: `True`, `1.5`, `None`.
    ///
    /// # Errors
    /// INCORRECT_PARAMETERS for arrays and structs.
    pub(super) fn written(self, index: usize) -> Result<Cow<'a, str>, Fault> {
        match self.0.get(index) {
            Some(Value::Bool(truth)) => Ok(Cow::Borrowed(if *truth { "True" } else { "False" })),
            Some(Value::Double(number)) => Ok(Cow::Owned(format!("{number:?}"))),
            Some(Value::Nil) => Ok(Cow::Borrowed("None")),
            Some(Value::DateTime(text)) => Ok(Cow::Borrowed(text)),
            _ => self.word(index),
        }
    }

    /// A whole number, as Python's `int()` makes one.
    ///
    /// # Errors
    /// INCORRECT_PARAMETERS for what is no number.
    pub(super) fn int(self, index: usize) -> Result<i64, Fault> {
        match self.0.get(index) {
            Some(Value::Int(number)) => Ok(*number),
            Some(Value::Bool(truth)) => Ok(i64::from(*truth)),
            // A double beyond the range of an int saturates.
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            Some(Value::Double(number)) if number.is_finite() => Ok(number.trunc() as i64),
            Some(Value::Str(text)) => text.trim().parse().map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }

    /// A truth, as Python sees one in any value; `default` where the parameter was left out.
    pub(super) fn truth(self, index: usize, default: bool) -> bool {
        match self.0.get(index) {
            None => default,
            Some(Value::Nil) => false,
            Some(Value::Bool(truth)) => *truth,
            Some(Value::Int(number)) => *number != 0,
            Some(Value::Double(number)) => *number != 0.0,
            Some(Value::Str(text)) => !text.is_empty(),
            Some(Value::Bytes(bytes)) => !bytes.is_empty(),
            Some(Value::DateTime(_)) => true,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Struct(members)) => !members.is_empty(),
        }
    }

    /// A parameter as it was given.
    pub(super) fn value(self, index: usize) -> Option<&'a Value> {
        self.0.get(index)
    }
}

#[cfg(test)]
mod tests {
    use model::Value;

    use super::Args;

    #[test]
    fn numbers_may_be_written_as_text_or_with_a_point() {
        let int = |value| Args(&[value]).int(0).ok();
        assert_eq!(int(Value::from(" 7 ")), Some(7));
        assert_eq!(int(Value::Double(-2.9)), Some(-2));
        assert_eq!((int(Value::from("x")), int(Value::Nil), int(Value::Array(Vec::new()))), (None, None, None));
    }

    #[test]
    fn single_values_are_written_as_python_writes_them() {
        let written = |value| Args(&[value]).written(0).ok().map(|text| text.into_owned());
        let values = [Value::Bool(true), Value::Int(2), Value::Double(1.5), Value::Nil, Value::from("x")];
        assert_eq!(values.map(written), ["True", "2", "1.5", "None", "x"].map(|text| Some(text.to_owned())));
        assert_eq!(written(Value::Array(Vec::new())), None);
    }

    #[test]
    fn any_value_is_true_or_false_as_in_python() {
        let truth = |value| Args(&[value]).truth(0, true);
        assert!(truth(Value::from("false")) && truth(Value::Int(2)));
        assert!(!truth(Value::from("")) && !truth(Value::Int(0)) && !truth(Value::Nil));
        assert!(Args(&[]).truth(0, true));
    }
}
