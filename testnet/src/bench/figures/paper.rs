//! What the authors of the paper measured: the raw results that they published beside their prototype
//! (`chainspacemeasurements/results`), as means over the runs.
//!
//! They ran on Amazon EC2, a t2.medium for each node. Where these results and the paper differ the
//! results stand here: throughput over inputs levels off near 62 per second, not 40; nodes of a shard
//! begin with 4, not 2, and each one more costs 0.75 transactions per second, not 1.6.
//!
//! Paper: Section VII, Figures 6 to 9.

use super::Quantiles;

/// Transactions per second at one point: the mean and the standard deviation over the runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throughput {
    pub(super) x: f64,
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

const fn throughput(x: f64, mean: f64, deviation: f64) -> Throughput {
    Throughput { x, mean, deviation }
}

/// The latency at an offered rate, in milliseconds.
const fn latency(rate: f64, mean: f64, percentiles: [f64; 7]) -> (f64, Quantiles) {
    (rate, Quantiles { mean, percentiles })
}

/// Figure 6, over shards of 4 nodes: 1 input; 20 runs.
pub(super) const SHARDS: [Throughput; 14] = [
    throughput(2.0, 77.9, 25.0),
    throughput(3.0, 98.2, 41.6),
    throughput(4.0, 121.5, 37.9),
    throughput(5.0, 129.3, 28.6),
    throughput(6.0, 167.5, 46.8),
    throughput(7.0, 204.4, 56.1),
    throughput(8.0, 217.3, 53.5),
    throughput(9.0, 257.9, 59.1),
    throughput(10.0, 281.3, 54.3),
    throughput(11.0, 280.2, 46.5),
    throughput(12.0, 296.2, 62.8),
    throughput(13.0, 338.8, 73.6),
    throughput(14.0, 343.1, 56.0),
    throughput(15.0, 357.8, 46.9),
];

/// Figure 7, over inputs: 5 shards of 4 nodes; 10 runs.
pub(super) const INPUTS: [Throughput; 10] = [
    throughput(1.0, 137.6, 45.3),
    throughput(2.0, 105.1, 31.9),
    throughput(3.0, 90.0, 24.7),
    throughput(4.0, 91.8, 19.0),
    throughput(5.0, 85.8, 17.1),
    throughput(6.0, 76.7, 5.4),
    throughput(7.0, 62.8, 16.9),
    throughput(8.0, 67.6, 1.5),
    throughput(9.0, 62.3, 4.3),
    throughput(10.0, 61.6, 2.5),
];

/// Figure 9, over nodes of a shard: 2 shards, 1 input; 20 runs.
pub(super) const NODES: [Throughput; 15] = [
    throughput(4.0, 66.7, 19.7),
    throughput(7.0, 76.4, 26.5),
    throughput(10.0, 74.2, 25.2),
    throughput(13.0, 73.8, 29.1),
    throughput(16.0, 75.6, 20.8),
    throughput(19.0, 71.8, 21.4),
    throughput(22.0, 56.8, 17.4),
    throughput(25.0, 59.2, 14.8),
    throughput(28.0, 52.1, 14.1),
    throughput(31.0, 58.1, 13.9),
    throughput(34.0, 53.5, 10.6),
    throughput(37.0, 52.3, 10.2),
    throughput(40.0, 50.8, 9.7),
    throughput(43.0, 42.9, 11.1),
    throughput(46.0, 48.0, 7.9),
];

/// Figure 8, over transactions per second that a client sends: 2 shards of 4 nodes, 1 input; 5 runs.
pub(super) const LATENCY: [(f64, Quantiles); 10] = [
    latency(20.0, 99.0, [17.0, 31.0, 54.0, 87.0, 128.0, 1571.0, 2016.0]),
    latency(
        40.0,
        159.0,
        [25.0, 49.0, 88.0, 133.0, 197.0, 1594.0, 1734.0],
    ),
    latency(
        60.0,
        235.0,
        [34.0, 72.0, 133.0, 209.0, 386.0, 1653.0, 1817.0],
    ),
    latency(
        80.0,
        334.0,
        [45.0, 94.0, 189.0, 312.0, 1016.0, 1848.0, 2129.0],
    ),
    latency(
        100.0,
        437.0,
        [62.0, 133.0, 249.0, 453.0, 1326.0, 1858.0, 2053.0],
    ),
    latency(
        120.0,
        587.0,
        [89.0, 189.0, 348.0, 860.0, 1540.0, 2104.0, 2390.0],
    ),
    latency(
        140.0,
        656.0,
        [79.0, 200.0, 412.0, 1117.0, 1610.0, 2037.0, 2133.0],
    ),
    latency(
        160.0,
        812.0,
        [140.0, 294.0, 569.0, 1351.0, 1729.0, 2115.0, 2228.0],
    ),
    latency(
        180.0,
        955.0,
        [119.0, 313.0, 750.0, 1609.0, 1990.0, 2481.0, 2635.0],
    ),
    latency(
        200.0,
        1035.0,
        [194.0, 419.0, 957.0, 1627.0, 1961.0, 2330.0, 2477.0],
    ),
];
