//! CSV tables and text files.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::Write;

use anygrad_data::csv::{self, CsvSettings};
use anygrad_data::{Column, ColumnValues, Table, Targets, text_files};
use common::Folder;
use flate2::{Compression, write::GzEncoder};

fn parse(text: &str) -> Table {
    csv::parse(text.as_bytes(), "t", &CsvSettings::default()).unwrap()
}

fn error(text: impl AsRef<[u8]>, settings: &CsvSettings) -> String {
    csv::parse(text.as_ref(), "t", settings).unwrap_err().to_string()
}

#[test]
fn columns_are_numbers_where_all_values_are() {
    let table = parse("\u{feff}size, colour ,n\r\n1.5,red,?\n -2e3 ,\"dark, blue\",7\n,red,8");
    assert_eq!(table.rows(), 3);
    let size = table.numbers("size").unwrap();
    assert!(size[..2] == [1.5, -2000.0] && size[2].is_nan());
    let n = table.numbers("n").unwrap();
    assert!(n[0].is_nan() && n[1..] == [7.0, 8.0]);
    let ColumnValues::Categories { names, codes } = &table.column("colour").unwrap().values else { panic!() };
    assert_eq!(
        (names.as_slice(), codes.as_slice()),
        (&["dark, blue".to_owned(), "red".to_owned()][..], &[Some(1), Some(0), Some(1)][..])
    );
    assert_eq!(table.column("colour").unwrap().values.word(1).as_deref(), Some("dark, blue"));
    let message = table.numbers("colour").unwrap_err().to_string();
    assert_eq!(message, "a table needs numbers in column \"colour\", found \"red\" in row 0");
    let message = table.column("weight").unwrap_err().to_string();
    assert_eq!(message, "a table needs a column named \"weight\", found the columns size, colour, n");
    assert_eq!(parse("a,b\n").rows(), 0);
    // "inf" is a word: no number of a table is infinite
    assert!(parse("a\ninf\n1\n").numbers("a").is_err());
}

#[test]
fn targets_are_classes_or_numbers() {
    let table = parse("a,b,kind,y\n1,2,setosa,0.5\n3,4,virginica,1.5\n5,6,setosa,2\n");
    let classes = table.without(&["y"]).unwrap().dataset("kind").unwrap();
    assert_eq!(classes.targets(), &Targets::Classes { labels: vec![0, 1, 0], classes: 2 });
    assert_eq!((classes.inputs(), classes.input_shape()), (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..], &[2][..]));
    let numbers = table.select(&["b", "y"]).unwrap().dataset("y").unwrap();
    assert_eq!(numbers.targets(), &Targets::Values { values: vec![0.5, 1.5, 2.0], shape: vec![] });
    assert!(table.dataset("y").unwrap_err().to_string().contains("numbers in column \"kind\""));
    // numbers that stand for classes, in the order of the numbers
    let wide = parse("a,class\n1,10\n2,2\n3,10\n").categorical("class").unwrap();
    assert_eq!(wide.dataset("class").unwrap().targets().labels(), Some(&[1, 0, 1][..]));
    let message = parse("a,y\n1,2\n3,?\n").dataset("y").unwrap_err().to_string();
    assert_eq!(message, "Table::dataset needs a value of \"y\" in every row, found none in row 1");
    assert!(parse("y\n1\n").dataset("y").is_err());
    let (first, second) = table.split(0.67, 1).unwrap();
    assert_eq!((first.rows(), second.rows()), (2, 1));
    assert!(
        table.subset(&[3]).is_err() && table.select(&["a", "a"]).is_err() && table.without(&["z"]).is_err()
    );
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let plain = CsvSettings::default();
    assert_eq!(error("a,b\n1,2\n\n1,2,3\n", &plain), "t, line 4: wanted 2 values, found 3");
    let numeric = CsvSettings { numeric: vec!["b".into()], ..plain.clone() };
    assert_eq!(
        error("a,b\n1,2\nx,12x\n", &numeric),
        "t, line 3: wanted a number in column \"b\", found \"12x\""
    );
    let commented = CsvSettings { comment: Some(b'#'), ..numeric.clone() };
    assert!(
        error("#1\r\n\r\na,b\r\n1,2\r\n\r\n#5\r\nx,y\r\n", &commented)
            .starts_with("t, line 7: wanted a number")
    );
    assert!(error("\"a\nb\",b\n\"2\n2\",2\nx,y\n", &numeric).starts_with("t, line 5: wanted a number"));
    assert!(error(b"a,b\n1,2\n1,\xFF\n", &plain).starts_with("t, line 3: wanted UTF-8 text, found"));
    assert_eq!(
        error("a,a\n1,2\n", &plain),
        "Table::new needs columns of different names, found two named \"a\""
    );
    let absent = CsvSettings { categorical: vec!["c".into()], ..plain.clone() };
    assert_eq!(
        error("a,b\n1,2\n", &absent),
        "CsvSettings needs a column named \"c\", found the columns a, b"
    );
    let uneven = Table::new(vec![
        Column { name: "a".into(), values: ColumnValues::Numbers(vec![1.0]) },
        Column { name: "b".into(), values: ColumnValues::Numbers(vec![]) },
    ]);
    assert_eq!(
        uneven.unwrap_err().to_string(),
        "Table::new needs columns of 1 values, as the first, found 0 in column \"b\""
    );
    let beyond = ColumnValues::Categories { names: vec![], codes: vec![Some(0)] };
    assert!(Table::new(vec![Column { name: "a".into(), values: beyond }]).is_err());
    assert!(
        csv::read("no such file".as_ref(), &plain)
            .unwrap_err()
            .to_string()
            .starts_with("cannot read no such file")
    );
}

#[test]
fn tables_come_without_header_with_other_separators_and_gzipped() {
    let settings = CsvSettings {
        header: false,
        delimiter: b';',
        comment: Some(b'#'),
        categorical: vec!["1".into()],
        ..CsvSettings::default()
    };
    let text = b"# made up\n1;0\n2;1\n";
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text).unwrap();
    let gzip = gzip.finish().unwrap();
    let folder = Folder::new("tables");
    let path = folder.write("t.csv.gz", &gzip);
    let table = csv::read(&path, &settings).unwrap();
    assert_eq!(table, csv::parse(text, "t", &settings).unwrap());
    assert_eq!(table.dataset("1").unwrap().targets().labels(), Some(&[0, 1][..]));
    for cut in [5, 15, gzip.len() - 1] {
        assert!(error(&gzip[..cut], &settings).starts_with("t: wanted a whole file"), "{cut}");
    }
}

/// The form of UCI's auto-mpg.data: columns aligned by spaces, a tab, and a name in quotes.
#[test]
fn columns_may_be_parted_by_runs_of_spaces() {
    let text = "18.0   8   307.0      130.0\t\"chevrolet chevelle  malibu\"\r\n 25.0   4   98.00      ?\t\"ford pinto\"  \n";
    let settings = CsvSettings { header: false, delimiter: b' ', ..CsvSettings::default() };
    let table = csv::parse(text.as_bytes(), "mpg", &settings).unwrap();
    assert_eq!((table.rows(), table.columns().len()), (2, 5));
    assert_eq!(table.column("4").unwrap().values.word(0).as_deref(), Some("chevrolet chevelle  malibu"));
    assert!(table.numbers("3").unwrap()[1].is_nan());
    let data = table.without(&["4"]).unwrap().dataset("0").unwrap();
    assert_eq!((data.input_shape(), data.input(1).unwrap()[..2].to_vec()), (&[3][..], vec![4.0, 98.0]));
    assert_eq!(error("1 2\n1  \t 2\n1 2 3\n", &settings), "t, line 3: wanted 2 values, found 3");
}

#[test]
fn text_is_read_by_line_by_file_and_by_folder() {
    let folder = Folder::new("texts");
    let good = folder.write("good.pos", "a fine film\n\nwell made\n");
    let bad = folder.write("bad.neg", "dull\n");
    let labelled = text_files::labelled_lines(&[&bad, &good]).unwrap();
    let found: Vec<(&str, u32)> = labelled.iter().map(|(line, label)| (line.as_str(), *label)).collect();
    assert_eq!(found, [("dull", 0), ("a fine film", 1), ("well made", 1)]);
    folder.write("classes/pos/b.txt", "2");
    folder.write("classes/pos/a.txt", "1");
    folder.write("classes/neg/c.txt", "3");
    folder.write("classes/neg/notes.md", "not text");
    let all = text_files::folder(&folder.0.join("classes")).unwrap();
    assert_eq!(all.classes, ["neg", "pos"]);
    assert_eq!(all.texts, [("3".to_owned(), 0), ("1".to_owned(), 1), ("2".to_owned(), 1)]);
    let wrong = folder.write("wrong", b"fine\nfi\xFFne\n");
    let message = text_files::lines(&wrong).unwrap_err().to_string();
    assert!(message.contains("wrong, line 2: wanted UTF-8 text, found"), "{message}");
    assert!(text_files::folder(&folder.0.join("classes/pos")).is_err());
}
