//! Many measurements of one thing.

/// Measurements of one thing, in the order in which they were taken.
#[derive(Clone, Debug, Default)]
pub struct Samples(pub Vec<f64>);

impl Samples {
    /// The value below which `part` of them lie; 0 where there are none.
    pub fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1) as f64;
        sorted
            .get((last * part).round() as usize)
            .copied()
            .unwrap_or_default()
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn p95(&self) -> f64 {
        self.quantile(0.95)
    }

    /// The median of the ratios of what was measured one after the other: what slows the machine for a while slows both.
    pub fn ratio_to(&self, other: &Self) -> f64 {
        let ratios = self.0.iter().zip(&other.0).map(|(a, b)| a / b);
        Self(ratios.collect()).median()
    }
}
