//! Each kind of picture: what stands in it, that its bytes repeat, and what is refused.

#![allow(clippy::unwrap_used)]

use anygrad_train::pictures::{Normalise, Picture, confusion_matrix};

/// Drawn as both kinds of file; where ANYGRAD_PICTURES names a folder, they are left there to be looked at.
fn shown(name: &str, picture: &Picture) -> String {
    let svg = picture.to_svg();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
    let png = picture.to_png().unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    if let Some(folder) = std::env::var_os("ANYGRAD_PICTURES") {
        for extension in ["svg", "png"] {
            picture.save(std::path::Path::new(&folder).join(name).with_extension(extension)).unwrap();
        }
    }
    svg
}

fn all_of(svg: &str, texts: &[&str]) {
    for text in texts {
        assert!(svg.contains(&format!(">{text}</text>")), "{text} is missing in {svg}");
    }
}

#[test]
fn a_confusion_matrix_names_classes_and_shows_counts_or_shares() {
    let picture = confusion_matrix(&[45, 5, 10, 40], &["positive", "negative"], Normalise::Counts).unwrap();
    let svg = shown("confusion", &picture);
    all_of(&svg, &["positive", "negative", "true class", "predicted class", "45", "5", "10", "40"]);
    // true positives at the upper left: 45 stands above 10 and left of 5
    let place = |text: &str| {
        let line = svg.lines().find(|line| line.contains(&format!(">{text}</text>"))).unwrap();
        let number = |name: &str| -> f64 {
            line.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        (number("x"), number("y"))
    };
    assert!(place("45").0 < place("5").0 && place("45").1 < place("10").1);

    let counts: Vec<usize> = (0..100).map(|i| if i % 11 == 0 { 90 + i } else { i * 7 % 13 }).collect();
    let names: Vec<_> = (0..10).map(|digit| format!("a long name {digit}")).collect();
    let svg = shown("confusion_ten", &confusion_matrix(&counts, &names, Normalise::Truth).unwrap());
    all_of(&svg, &["a long name 9", "share", "Confusion matrix, share of each true class"]);

    let error = confusion_matrix(&[1, 2, 3], &["a", "b"], Normalise::All).unwrap_err().to_string();
    assert_eq!(error, "confusion matrix: counts has 3 values, and classes², its square matrix, 4");
    let error = confusion_matrix(&[], &[""; 0], Normalise::All).unwrap_err().to_string();
    assert_eq!(error, "confusion matrix: the number of classes is 0: it has to be from 1 to 100");
}
