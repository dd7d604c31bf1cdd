//! The table of figures, with ratios, as people read it and as docs/performance.md keeps it.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::Side;
use crate::run;

const BEGIN: &str = "<!-- figures: written by `cargo xtask bench` -->";
const END: &str = "<!-- end of figures -->";

/// One figure: ours first, then what it is compared with.
pub struct Row {
    name: String,
    unit: &'static str,
    values: Vec<Option<f64>>,
    is_lower_better: bool,
    beside: Option<(&'static str, f64)>,
    aim: &'static str,
    failure: Option<String>,
}

impl Row {
    /// A figure that is better when it is lower.
    pub fn lower(name: &str, unit: &'static str, values: Vec<Option<f64>>) -> Self {
        Self { name: name.to_owned(), unit, values, is_lower_better: true, beside: None, aim: "", failure: None }
    }

    /// A figure that is better when it is higher.
    pub fn higher(name: &str, unit: &'static str, values: Vec<Option<f64>>) -> Self {
        Self { is_lower_better: false, ..Self::lower(name, unit, values) }
    }

    /// What nobody can do better than: it belongs to no side.
    pub fn yardstick(name: &str, unit: &'static str, value: f64) -> Self {
        Self::lower(name, unit, Vec::new()).beside("floor", value)
    }

    /// A figure that could not be measured.
    pub fn failed(name: &str, why: &str) -> Self {
        Self { failure: Some(why.to_owned()), ..Self::lower(name, "", Vec::new()) }
    }

    /// The same, with a yardstick measured in the same run.
    pub fn beside(self, name: &'static str, value: f64) -> Self {
        Self { beside: Some((name, value)), ..self }
    }

    /// The same, with what is aimed at.
    pub fn aim(self, aim: &'static str) -> Self {
        Self { aim, ..self }
    }

    /// True if there is no figure.
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// How many times better than the second value the first is; below one it is worse.
    fn ratio(&self) -> Option<f64> {
        let (ours, other) = (self.values.first().copied()??, self.values.get(1).copied()??);
        let ratio = if self.is_lower_better { other / ours } else { ours / other };
        ratio.is_finite().then_some(ratio)
    }
}

/// The rows as a table in markdown.
pub fn markdown(sides: &[Side], rows: &[Row]) -> String {
    let names: Vec<&str> = sides.iter().map(|side| side.name.as_str()).collect();
    let mut text = format!("| figure | {} | times better | beside | aim |\n", names.join(" | "));
    let _ = writeln!(text, "| --- |{} --- | --- | --- |", " ---: |".repeat(sides.len()));
    for row in rows {
        if let Some(why) = &row.failure {
            let _ = writeln!(text, "| {} | not measured: {} |", row.name, why.replace('\n', " "));
            continue;
        }
        let mut values: Vec<String> = row.values.iter().map(|value| shown(*value, row.unit)).collect();
        values.resize(sides.len(), "–".to_owned());
        let ratio = row.ratio().map_or_else(|| "–".to_owned(), number);
        let beside =
            row.beside.map(|(name, value)| format!("{name}: {}", shown(Some(value), row.unit))).unwrap_or_default();
        let _ = writeln!(text, "| {} | {} | {ratio} | {beside} | {} |", row.name, values.join(" | "), row.aim);
    }
    text
}

fn shown(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{} {unit}", number(value)))
}

/// Three digits that matter.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Puts the figures into docs/performance.md, between its marks.
pub fn keep(figures: &str) -> Result<()> {
    let path = run::top().join("docs/performance.md");
    let old = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    std::fs::write(&path, placed(&old, figures).context("docs/performance.md has lost its marks")?)?;
    println!("written to {}", path.display());
    Ok(())
}

fn placed(old: &str, figures: &str) -> Option<String> {
    let (before, rest) = old.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", figures.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, Row, number, placed};

    #[test]
    fn a_ratio_says_how_many_times_better_ours_is() {
        assert_eq!(Row::lower("a", "ms", vec![Some(2.0), Some(10.0)]).ratio(), Some(5.0));
        assert_eq!(Row::higher("a", "1/s", vec![Some(2.0), Some(10.0)]).ratio(), Some(0.2));
        assert_eq!(Row::lower("a", "ms", vec![Some(2.0), None]).ratio(), None);
        assert_eq!(Row::lower("a", "1/s", vec![Some(0.0), Some(1.0)]).ratio(), None);
    }

    #[test]
    fn figures_have_three_digits_that_matter() {
        assert_eq!([1.234, 12.34, 1234.0].map(number), ["1.23", "12.3", "1234"]);
    }

    #[test]
    fn new_figures_take_the_place_of_the_old() {
        let old = format!("# Head\n{BEGIN}\nold\n{END}\ntail");
        assert_eq!(placed(&old, "new\n").unwrap(), format!("# Head\n{BEGIN}\nnew\n{END}\ntail"));
        assert_eq!(placed("no marks", "new"), None);
    }
}
