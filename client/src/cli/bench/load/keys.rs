//! Which session an operation is about.

use rand::Rng;

/// Zipf's distribution over ranks: rank k (from 1) is drawn in proportion to
/// 1/k^exponent. Drawn by inverting the cumulative sums.
#[derive(Clone, Debug)]
pub(crate) struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Over so many ranks, at least one; an exponent of 0 is the even distribution.
    pub(crate) fn new(ranks: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let weight = |rank: usize| {
            sum += (rank as f64).powf(-exponent);
            sum
        };
        Self { cumulative: (1..=ranks.max(1)).map(weight).collect() }
    }

    /// A rank, from 0.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let point = rng.random::<f64>() * total;
        self.cumulative.partition_point(|sum| *sum <= point).min(self.cumulative.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn counts(exponent: f64) -> Vec<u32> {
        let (zipf, mut rng) = (Zipf::new(10, exponent), StdRng::seed_from_u64(1));
        let mut counts = vec![0; 10];
        for _ in 0..100_000 {
            counts[zipf.draw(&mut rng)] += 1;
        }
        counts
    }

    #[test]
    fn an_exponent_of_0_is_even() {
        assert!(counts(0.0).iter().all(|count| (9_500..10_500).contains(count)));
    }

    #[test]
    fn an_exponent_of_1_halves_from_the_first_to_the_second() {
        let counts = counts(1.0);
        // The tenth harmonic number is 2.929.
        assert!((33_500..34_800).contains(&counts[0]), "{counts:?}");
        assert!((16_600..17_600).contains(&counts[1]), "{counts:?}");
    }
}
