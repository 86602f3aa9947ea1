//! Initial values that belong together: orthogonal matrices, identities, and kernels that do nothing.

use anygrad_graph::Shape;

use crate::random::Stream;

/// `gain` times orthonormal rows or columns, row-major.
pub fn orthogonal(shape: &Shape, gain: f64, stream: &Stream) -> Result<Vec<f64>, String> {
    let [rows, rest @ ..] = &shape[..] else {
        return Err("an orthogonal matrix has at least two axes".into());
    };
    if rest.is_empty() {
        return Err("an orthogonal matrix has at least two axes".into());
    }
    let (rows, columns) = (*rows, rest.iter().product::<usize>());
    let (length, count) = (rows.max(columns), rows.min(columns));
    let vectors = orthonormal(length, count, stream);
    let mut values = vec![0.0; rows * columns];
    for (j, vector) in vectors.iter().enumerate() {
        // a vector is a column of a tall matrix and a row of a wide one
        let (start, step) = if rows >= columns { (j, columns) } else { (j * columns, 1) };
        let places = values.iter_mut().skip(start).step_by(step);
        places.zip(vector).for_each(|(to, from)| *to = gain * from);
    }
    Ok(values)
}

/// `count` vectors by the method of Gram and Schmidt, each made orthogonal twice: once loses digits where little is
/// left of the vector, a second time restores them (Giraud et al. 2005). This is the QR factorisation whose R has a
/// positive diagonal.
fn orthonormal(length: usize, count: usize, stream: &Stream) -> Vec<Vec<f64>> {
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    let mut draw = 0;
    while vectors.len() < count {
        let mut vector: Vec<f64> = (0..length as u64).map(|i| stream.normal(draw + i)).collect();
        draw += length as u64;
        for _ in 0..2 {
            for other in &vectors {
                let along = dot(&vector, other);
                vector.iter_mut().zip(other).for_each(|(x, u)| *x -= along * u);
            }
        }
        let norm = dot(&vector, &vector).sqrt();
        // a vector that lies among the others has probability 0; then the next one
        if norm > 1e-8 {
            vector.iter_mut().for_each(|x| *x /= norm);
            vectors.push(vector);
        }
    }
    vectors
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// `gain` on the diagonal.
pub fn identity(shape: &Shape, gain: f64) -> Result<Vec<f64>, String> {
    let [rows, columns] = shape[..] else {
        return Err("an identity has two axes; Dirac is for convolutions".into());
    };
    let mut values = vec![0.0; rows * columns];
    values.iter_mut().step_by(columns + 1).take(rows.min(columns)).for_each(|x| *x = gain);
    Ok(values)
}

/// Kernels that carry channel `i` of each group to channel `i`.
pub fn dirac(shape: &Shape, groups: usize) -> Result<Vec<f64>, String> {
    let [outputs, inputs, kernel @ ..] = &shape[..] else {
        return Err("Dirac is for weights [out, in, *kernel] of convolutions".into());
    };
    if kernel.is_empty() {
        return Err("Dirac is for weights [out, in, *kernel] of convolutions".into());
    }
    if groups == 0 || outputs % groups != 0 {
        return Err(format!("{groups} groups do not divide {outputs} output channels"));
    }
    let taps: usize = kernel.iter().product();
    let middle = kernel.iter().fold(0, |place, &k| place * k + k / 2);
    let each = outputs / groups;
    let mut values = vec![0.0; outputs * inputs * taps];
    for output in 0..*outputs {
        let channel = output % each.max(1);
        let place = (output * inputs + channel) * taps + middle;
        if let Some(value) = values.get_mut(place).filter(|_| channel < *inputs && taps > 0) {
            *value = 1.0;
        }
    }
    Ok(values)
}
