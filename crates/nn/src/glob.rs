/// Whether `text` fits `pattern`, in which `*` stands for any characters and `?` for one.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // where to go on if what follows the last star does not fit: one more character for the star
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, text, expected) in [
            ("conv*", "conv1.weight", true),
            ("conv*", "model.conv1.weight", false),
            ("*.weight", "fc.weight", true),
            ("*.weight", "fc.bias", false),
            ("fc?.bias", "fc2.bias", true),
            ("fc?.bias", "fc.bias", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a.b.b.c", true),
            ("a*b*c", "a.b.b", false),
            ("fc", "fc", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
