import Torch

/// What this machine can do at most, measured in the run that is compared with it.
struct Yardstick: Codable, Sendable {
    /// Of a large product of matrices in fp32.
    var gigaflops: Double
    /// Read by a sum over more than any cache holds.
    var gigabytesPerSecond: Double

    enum CodingKeys: String, CodingKey {
        case gigaflops = "sgemm_gflop_per_s"
        case gigabytesPerSecond = "read_gb_per_s"
    }

    static func measure() throws -> Yardstick {
        try noGrad {
            let side = 2048
            let a = try Tensor.full([side, side], 0.5)
            let product = try fastest(5) { _ in _ = try a.linear(a) }
            let count = 128 << 20
            let wide = try Tensor.full([count], 1)
            let reading = try fastest(5) { _ in _ = try wide.sum() }
            return Yardstick(
                gigaflops: 2 * Double(side * side * side) / product * 1e-9,
                gigabytesPerSecond: Double(count) * 4 / reading * 1e-9)
        }
    }

    /// Seconds of the best of `repeats`, after one that does not count.
    static func fastest(_ repeats: Int, _ work: (Int) throws -> Void) throws -> Double {
        let clock = ContinuousClock()
        var best = Double.infinity
        for number in 0...max(1, repeats) {
            let start = clock.now
            try work(number)
            if number > 0 { best = min(best, (clock.now - start) / .seconds(1)) }
        }
        return best
    }
}
