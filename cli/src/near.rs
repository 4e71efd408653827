//! What somebody who mistyped a name may have meant.

#[cfg(test)]
mod tests;

/// How many letters may be wrong, missing or too many.
const DISTANCE_MAX: usize = 2;

/// The known name that is nearest to `text`, if one is near.
pub(crate) fn nearest<'a>(text: &str, known: &'a [String]) -> Option<&'a str> {
    let distances = known.iter().map(|name| (distance(text, name), name));
    let (distance, name) = distances.min()?;
    (distance <= DISTANCE_MAX && distance < name.chars().count()).then_some(name)
}

/// How many letters have to be changed, added or removed to make one word the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, found) in other.iter().enumerate() {
            let changed = diagonal + usize::from(*found != letter);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
