//! Statistics of several measurements of one value.

/// Median and spread of some measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    /// The value that half of them are below.
    pub(super) median: f64,
    /// Distance between the quartiles, as a part of the median; `None` for one measurement.
    pub(super) spread: Option<f64>,
}

impl Summary {
    /// Summarizes at least one measurement.
    pub(super) fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = quantile(&sorted, 0.5);
        let range = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
        let spread = if median > 0.0 { range / median } else { 0.0 };
        Self { median, spread: (samples.len() > 1).then_some(spread) }
    }
}

/// Returns the value below which this part of the sorted samples lies, interpolated if needed.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(Summary::of(&[4.0, 1.0, 3.0, 2.0]).median, 2.5);
    }

    #[test]
    fn spread_leaves_out_the_outermost_quarters() {
        assert_eq!(Summary::of(&[1.0, 2.0, 2.0, 2.0, 100.0]), Summary { median: 2.0, spread: Some(0.0) });
        assert_eq!(Summary::of(&[1.0, 2.0, 3.0]), Summary { median: 2.0, spread: Some(0.5) });
    }

    #[test]
    fn one_sample_has_no_spread() {
        assert_eq!(Summary::of(&[7.0]), Summary { median: 7.0, spread: None });
    }
}
