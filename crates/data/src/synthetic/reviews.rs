use crate::shuffle::Draws;

const GOOD: [&str; 12] = [
    "wonderful",
    "great",
    "charming",
    "brilliant",
    "moving",
    "funny",
    "clever",
    "beautiful",
    "fresh",
    "superb",
    "warm",
    "gripping",
];
const BAD: [&str; 12] = [
    "dull", "awful", "boring", "clumsy", "flat", "tedious", "weak", "messy", "stale", "lifeless", "cheap",
    "silly",
];
const SUBJECTS: [&str; 8] =
    ["the film", "the plot", "the cast", "the score", "this story", "the script", "the ending", "the acting"];
const OPENINGS: [&str; 6] =
    ["honestly", "to my surprise", "in the end", "as expected", "once more", "for most of it"];
const CLOSINGS: [&str; 6] =
    ["from start to finish", "throughout", "at times", "in every scene", "more than once", "all the way"];

/// `count` short film reviews with their class, 1 for praise and 0 for blame, in turn: a text that a classifier can learn
/// without a download. Two clauses agree, "not" turns the word behind it round in a third of them, so that single words
/// tell much and their order tells the rest.
///
/// ```
/// let reviews = anygrad_data::synthetic::reviews(100, 3);
/// assert_eq!(reviews.iter().filter(|(_, class)| *class == 1).count(), 50);
/// assert_eq!(reviews, anygrad_data::synthetic::reviews(100, 3));
/// ```
pub fn reviews(count: usize, seed: u64) -> Vec<(String, u32)> {
    (0..count)
        .map(|index| {
            let (class, mut draws) = ((index % 2) as u32, Draws::new(seed, 0, index as u64));
            let first = clause(class == 1, &mut draws);
            let second = clause(class == 1, &mut draws);
            let opening = pick(&OPENINGS, &mut draws);
            let closing = pick(&CLOSINGS, &mut draws);
            (format!("{opening} {first} and {second} {closing}"), class)
        })
        .collect()
}

fn clause(praise: bool, draws: &mut Draws) -> String {
    let negated = draws.below(3) == 0;
    // "not dull" is praise
    let words = if praise != negated { &GOOD } else { &BAD };
    let not = if negated { "not " } else { "" };
    format!("{} is {not}{}", pick(&SUBJECTS, draws), pick(words, draws))
}

fn pick<'a>(words: &[&'a str], draws: &mut Draws) -> &'a str {
    words.get(draws.below(words.len())).copied().unwrap_or_default()
}
