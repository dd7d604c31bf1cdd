//! «Did you mean»: the known name that is nearest to a misspelt one.
//!
//! Deliberately absent: guesses at what is not misspelt but meant otherwise.

/// The nearest of the known names, if it is near enough for its length.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = 1 + name.chars().count() / 4;
    let ranked = known.map(|other| (distance(name, other), other)).filter(|&(distance, _)| distance <= limit);
    ranked.min_by_key(|&(distance, _)| distance).map(|(_, other)| other)
}

/// Insertions, deletions, changes and swaps of neighbours that lead from one to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 4 {
        return usize::MAX;
    }
    let width = b.len() + 1;
    let mut rows: Vec<Vec<usize>> = vec![(0..width).collect()];
    for (i, &from) in a.iter().enumerate() {
        let mut row = vec![i + 1; width];
        for (j, &to) in b.iter().enumerate() {
            let above = rows.last().map_or(&[][..], Vec::as_slice);
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(above, j) + usize::from(from != to)).min(at(above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(&to) && b.get(j - 1) == Some(&from);
            if let Some(before) = rows.get(i.wrapping_sub(1)).filter(|_| swapped) {
                best = best.min(at(before, j - 1) + 1);
            }
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = best;
            }
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelt_name_leads_to_the_one_that_was_meant() {
        let known = ["autostart", "autorestart", "startsecs", "command", "user"];
        for (name, near) in [
            ("autorestrat", Some("autorestart")),
            ("auto_start", Some("autostart")),
            ("comand", Some("command")),
            ("usr", Some("user")),
            ("colour", None),
            ("stdout", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), near, "{name}");
        }
    }
}
