//! The listing that most introductions to Keras begin with, in the words of this library: a network, its optimizer,
//! loss and metrics by name, `fit`, `evaluate`, `predict`, on smaller digits.

#![allow(clippy::unwrap_used)]

use anygrad_data::digits;
use anygrad_graph::Device;
use anygrad_nn::{Dropout, Linear, Optimizer, Params, Sequential, loss, optimizer, relu};
use anygrad_train::metrics::Accuracy;
use anygrad_train::{Fit, Progress, Trainer};

#[test]
fn the_first_listing_of_a_keras_book() {
    let data = digits::load().unwrap().with_input_shape([64]).unwrap();
    let (train, test) = data.split(0.8, 1).unwrap();
    let (train, test) = (train.one_hot().unwrap(), test.one_hot().unwrap());

    let params = Params::new(&Device::cpu(), 42);
    let network = Sequential::new()
        .then(Linear::new(params.at("dense1"), 64, 128))
        .then(relu)
        .then(Dropout::new(0.2))
        // scores: the loss has the softmax in it
        .then(Linear::new(params.at("dense2"), 128, 10));
    // compile
    let mut network = Trainer::new(
        network,
        params,
        loss("categorical_crossentropy").unwrap(),
        optimizer("rmsprop").unwrap(),
    )
    .metric(Accuracy::new);
    let fit = Fit {
        epochs: 5,
        batch_size: 128,
        learning_rate: optimizer("rmsprop").unwrap().default_rate(),
        validation: Some(&test),
        progress: Progress::hidden(),
        ..Fit::default()
    };
    let history = network.fit(&train, fit).unwrap();
    assert_eq!(history.rows().len(), 5);
    for row in history.rows() {
        let validation = row.validation.as_ref().unwrap();
        assert!(row.train.loss > 0.0 && row.train.metric("accuracy").is_some());
        assert!(validation.loss > 0.0 && validation.metric("accuracy").is_some());
    }
    // n = 1,438 in batches of 128: 12 iterations an epoch
    assert_eq!(network.steps(), 60);
    let evaluation = network.evaluate(&test).unwrap();
    assert!(evaluation.metric("accuracy") > Some(0.8), "{evaluation}");
    // the size of batches is no part of the result
    let prediction = network.predict(&test).unwrap();
    let network = network.evaluation_batch(7);
    let again = network.predict(&test).unwrap();
    assert_eq!(prediction.classes(), again.classes());
    assert!((network.evaluate(&test).unwrap().loss - evaluation.loss).abs() < 1e-6);
    assert_eq!(prediction.shape, [test.len(), 10]);

    // a spelling that is found in courses is understood, another is told what there is
    assert!(loss("categorical_crossentrophy").is_ok());
    let message = loss("categorical_crossentropi").map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("categorical_crossentropy"), "{message}");
}
