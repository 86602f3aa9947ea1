//! Preparations against scikit-learn's numbers (golden/prepare.py), and what keeps the test set out of them.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

use anygrad_data::csv::{self, CsvSettings};
use anygrad_data::prepare::*;
use anygrad_data::{Dataset, Table, digits};

/// The numbers of one line of golden/prepare.txt.
fn golden(name: &str) -> Vec<f64> {
    let lines = include_str!("golden/prepare.txt").lines();
    let line = lines.filter_map(|line| line.split_once(": ")).find(|(found, _)| *found == name).unwrap();
    line.1.split(' ').map(|number| number.parse().unwrap()).collect()
}

fn rows(name: &str) -> Dataset {
    let inputs: Vec<f32> = golden(name).into_iter().map(|x| x as f32).collect();
    let samples = inputs.len() / 4;
    Dataset::values(inputs, [4], vec![0.0; samples], []).unwrap()
}

#[track_caller]
fn assert_near(found: &[f32], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    for (&a, &b) in found.iter().zip(wanted) {
        assert!(
            f64::from(a).is_nan() && b.is_nan() || (f64::from(a) - b).abs() < 1e-6 * b.abs().max(1.0),
            "{a} {b}"
        );
    }
}

#[test]
fn standardising_is_scikit_learns() {
    let scaler = Standardizer::fit(&rows("train")).unwrap();
    for (found, wanted) in [(&scaler.mean, golden("mean")), (&scaler.deviation, golden("deviation"))] {
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12 * b.abs().max(1.0)), "{found:?}");
    }
    assert_near(scaler.apply(&rows("test")).unwrap().inputs(), &golden("standard"));
    let there_and_back = scaler.inverse(&scaler.apply(&rows("train")).unwrap()).unwrap();
    assert_near(there_and_back.inputs(), &golden("train"));
    // a constant whose sum rounds is constant all the same
    let tenths = Dataset::values(vec![0.1; 1000], [1], vec![0.0; 1000], []).unwrap();
    assert_eq!(Standardizer::fit(&tenths).unwrap().deviation, [1.0]);
}

#[test]
fn standardised_training_data_has_mean_0_and_deviation_1() {
    let digits = digits::load().unwrap();
    let data = Standardizer::fit(&digits).unwrap().apply(&digits).unwrap();
    let again = Standardizer::fit(&data).unwrap();
    assert!(again.mean.iter().all(|mean| mean.abs() < 1e-6));
    assert!(again.deviation.iter().all(|deviation| (deviation - 1.0).abs() < 1e-5));
    let channels = Standardizer::fit_per_channel(&digits).unwrap();
    let pixels = digits.inputs().len() as f64;
    let mean = digits.inputs().iter().map(|&x| f64::from(x)).sum::<f64>() / pixels;
    assert!(channels.mean.len() == 1 && (channels.mean[0] - mean).abs() < 1e-12);
    // two channels of two pixels
    let image = Dataset::classes(vec![1.0, 3.0, 10.0, 30.0], [2, 1, 2], vec![0], 1).unwrap();
    let scaled = Standardizer::fit_per_channel(&image).unwrap().apply(&image).unwrap();
    assert_eq!((scaled.inputs(), scaled.input_shape()), (&[-1.0, 1.0, -1.0, 1.0][..], &[2, 1, 2][..]));
}

/// What a scaler that has seen the test set does: the score of a threshold on one feature changes.
#[test]
fn fitting_on_all_data_leaks_and_changes_the_score() {
    let train = Dataset::classes(vec![0.0, 1.0, 2.0, 3.0], [1], vec![0, 0, 1, 1], 2).unwrap();
    let test = Dataset::classes(vec![1.4, 1.6, 100.0, 100.0], [1], vec![0, 1, 1, 1], 2).unwrap();
    let score = |scaler: &Standardizer| {
        let scaled = scaler.apply(&test).unwrap();
        let hits = scaled.inputs().iter().zip(test.targets().labels().unwrap());
        hits.filter(|(x, label)| u32::from(**x > 0.0) == **label).count()
    };
    let honest = Standardizer::fit(&train).unwrap();
    let leaking = Standardizer::fit(&Dataset::concat(&[&train, &test]).unwrap()).unwrap();
    assert_eq!((score(&honest), score(&leaking)), (4, 3));
}

#[test]
fn ranges_norms_and_logs() {
    let scaler = MinMaxScaler::fit(&rows("train"), (-2.0, 3.0)).unwrap();
    assert_near(scaler.apply(&rows("test")).unwrap().inputs(), &golden("min max"));
    assert_near(scaler.inverse(&scaler.apply(&rows("test")).unwrap()).unwrap().inputs(), &golden("test"));
    let message = MinMaxScaler::fit(&rows("train"), (1.0, 1.0)).unwrap_err().to_string();
    assert_eq!(message, "MinMaxScaler: range is (1, 1); it must be two finite numbers, the lower first");
    let whole: Vec<f32> =
        rows("test").inputs().iter().map(|x| if x.is_nan() { 0.0 } else { *x }).chain([0.0; 4]).collect();
    let whole = Dataset::values(whole, [4], vec![0.0; 3], []).unwrap();
    for (name, norm) in [("l1", Norm::L1), ("l2", Norm::L2), ("max", Norm::Max)] {
        assert_near(normalize(&whole, norm).unwrap().inputs(), &golden(name));
    }
    let message = log1p(&whole).unwrap_err().to_string();
    assert_eq!(message, "log1p needs numbers above -1, found -7 in sample 1");
    let positive = normalize(&whole.take(1), Norm::L2).unwrap();
    assert_near(
        exp_m1(&log1p(&positive).unwrap()).unwrap().inputs(),
        &positive.inputs().iter().map(|&x| f64::from(x)).collect::<Vec<_>>(),
    );
}

#[test]
fn missing_values_are_filled_as_scikit_learn_does() {
    let strategies = [
        ("mean", Strategy::Mean),
        ("median", Strategy::Median),
        ("most_frequent", Strategy::MostFrequent),
        ("constant", Strategy::Constant(-9.0)),
    ];
    for (name, strategy) in strategies {
        let imputer = Imputer::fit(&rows("train"), strategy).unwrap();
        assert_near(&imputer.fill, &golden(name));
        assert_eq!(imputer.missing, [0, 1]);
        let filled = imputer.apply(&rows("test")).unwrap();
        assert!(filled.inputs().iter().all(|x| !x.is_nan()));
        let marked = imputer.with_indicator().apply(&rows("test")).unwrap();
        assert_eq!(marked.input_shape(), [6]);
        assert_near(marked.inputs(), &golden(&format!("{name} test")));
    }
    assert_eq!(Imputer::mask(&rows("test")), [false, false, false, false, true, false, true, false]);
    let empty = Dataset::values(vec![1.0, f32::NAN], [2], vec![0.0], []).unwrap();
    let message = Imputer::fit(&empty, Strategy::Mean).unwrap_err().to_string();
    assert_eq!(message, "Imputer needs one value of each feature at least, found none for feature 1");
    assert_eq!(Imputer::fit(&empty, Strategy::Constant(0.0)).unwrap().fill, [0.0, 0.0]);
}

#[test]
fn planted_outliers_and_nothing_else_are_removed() {
    let mut text = String::from("a,b\n");
    (0..200).for_each(|i| text += &format!("{},{}\n", i % 7, (i * 13 % 11) as f32 / 10.0));
    text += "1000,0.5\n3,-40\n?,0.1\n";
    let table = csv::parse(text.as_bytes(), "t", &CsvSettings::default()).unwrap();
    let (inputs, width) = table.inputs().unwrap();
    let data = Dataset::values(inputs, [width], vec![0.0; table.rows()], []).unwrap();
    let filter = OutlierFilter::fit(&data, 3.0).unwrap();
    assert_eq!(filter.outliers(&data).unwrap(), [200, 201]);
    assert_eq!(filter.apply(&data).unwrap().len(), 201);
    assert!(OutlierFilter::fit(&data, f64::NAN).is_err());
}

#[test]
fn what_was_fitted_is_read_back_exactly_and_checked() {
    let train = rows("train");
    let standard = Standardizer::fit(&train).unwrap();
    assert_eq!(Standardizer::from_text(&standard.to_text()).unwrap(), standard);
    let range = MinMaxScaler::fit(&train, (0.1, 1.0 / 3.0)).unwrap();
    assert_eq!(MinMaxScaler::from_text(&range.to_text()).unwrap(), range);
    let imputer = Imputer::fit(&train, Strategy::Median).unwrap().with_indicator();
    assert_eq!(Imputer::from_text(&imputer.to_text()).unwrap(), imputer);
    let filter = OutlierFilter::fit(&train, 2.5).unwrap();
    assert_eq!(OutlierFilter::from_text(&filter.to_text()).unwrap(), filter);

    let text = standard.to_text();
    let error = |text: &str| Standardizer::from_text(text).unwrap_err().to_string();
    assert_eq!(error(""), "Standardizer: wanted a line \"standardizer per channel: ..\", found none");
    assert_eq!(
        error(&text.replace("mean: ", "mean: 1 ")),
        "Standardizer: wanted as many numbers for mean as for deviation, found 5 and 4"
    );
    assert_eq!(
        error(&text.replace("deviation: ", "deviation: x ")),
        "Standardizer, line 3: wanted numbers for deviation, found \"x\""
    );
    let message = standard.apply(&digits::load().unwrap()).unwrap_err().to_string();
    assert_eq!(
        message,
        "Standardizer needs samples of 4 numbers or channels, which it was fitted to, found 64, in samples of shape [1, 8, 8]"
    );
    let none = train.take(0);
    for message in [
        Standardizer::fit(&none).unwrap_err().to_string(),
        MinMaxScaler::fit(&none, (0.0, 1.0)).unwrap_err().to_string(),
        Imputer::fit(&none, Strategy::Mean).unwrap_err().to_string(),
        OutlierFilter::fit(&none, 1.0).unwrap_err().to_string(),
    ] {
        assert!(message.ends_with("needs one sample at least, found none"), "{message}");
    }
}

fn table(text: &str) -> Table {
    csv::parse(text.as_bytes(), "t", &CsvSettings::default()).unwrap()
}

#[test]
fn categories_are_encoded_by_those_of_the_training_set() {
    let train = table("sex,colour,rings\nM,red,3\nF,blue,4\nI,red,5\n");
    let test = table("sex,colour,rings\nF,?,1\nM,red,2\n");
    let encoder = OneHotEncoder::fit(&train, &["sex", "colour"]).unwrap();
    let encoded = encoder.apply(&test).unwrap();
    assert_eq!(
        encoded.names().collect::<Vec<_>>(),
        ["sex=F", "sex=I", "sex=M", "colour=blue", "colour=red", "rings"]
    );
    let data = encoded.dataset("rings").unwrap();
    assert_eq!(data.inputs(), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
    let ordinal = OrdinalEncoder::fit(&train, &["colour"]).unwrap().apply(&test).unwrap();
    let colours = ordinal.numbers("colour").unwrap();
    assert!(colours[0].is_nan() && colours[1] == 1.0);

    let strange = table("sex,colour,rings\nX,red,1\n");
    let message = encoder.apply(&strange).unwrap_err().to_string();
    assert_eq!(message, "OneHotEncoder needs the categories F, I, M in column \"sex\", found \"X\" in row 0");
    let ignored = encoder.unknown(Unknown::Ignore).apply(&strange).unwrap();
    assert_eq!(ignored.inputs().unwrap().0[..3], [0.0; 3]);
    assert!(
        OneHotEncoder::fit(&train, &["rings"])
            .unwrap_err()
            .to_string()
            .contains("categories in column \"rings\"")
    );
    assert!(OrdinalEncoder::fit(&train, &["none"]).is_err());
    let encoder = OneHotEncoder::fit(&train, &["sex", "colour"]).unwrap();
    assert_eq!(encoder.categories()[0], ("sex".to_owned(), ["F", "I", "M"].map(str::to_owned).to_vec()));
    assert_eq!(OneHotEncoder::from_categories(encoder.categories().to_vec()), encoder);
    // a part of the table knows only its own categories
    let part = train.subset(&[0, 2]).unwrap();
    assert_eq!(OneHotEncoder::fit(&part, &["sex"]).unwrap().apply(&part).unwrap().names().count(), 4);
}
