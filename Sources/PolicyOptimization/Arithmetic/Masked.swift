/// Statistics over the tokens whose mask is not zero. All in double precision and in index order, so that the
/// result does not depend on how a batch was cut.
package enum Masked {
    /// Number of tokens in the mask.
    package static func count(_ mask: [[UInt8]]) -> Int {
        mask.reduce(0) { $0 + $1.reduce(0) { $0 + ($1 == 0 ? 0 : 1) } }
    }

    /// Mean over the mask; 0 when the mask is empty.
    package static func mean(_ values: [Double], _ mask: [UInt8]) -> Double {
        moments([values], [mask]).mean
    }

    /// Unbiased variance over the mask (divided by n - 1); 0 with fewer than two tokens.
    package static func variance(_ values: [Double], _ mask: [UInt8]) -> Double {
        moments([values], [mask]).variance
    }

    /// Mean and unbiased variance over all sequences together.
    package static func moments(_ values: [[Double]], _ mask: [[UInt8]]) -> Moments {
        var total = 0.0
        var count = 0
        each(values, mask) {
            total += $0
            count += 1
        }
        guard count > 0 else { return Moments(count: 0, mean: 0, variance: 0) }
        let mean = total / Double(count)
        // Two passes: the textbook one-pass formula loses all digits when the mean is large beside the deviation.
        var squares = 0.0
        each(values, mask) { squares += ($0 - mean) * ($0 - mean) }
        return Moments(count: count, mean: mean, variance: count > 1 ? squares / Double(count - 1) : 0)
    }

    /// `(x - mean) / sqrt(variance + 1e-8)` over the mask of the whole batch; tokens outside the mask become 0.
    ///
    /// - Parameter shiftMean: false keeps the mean, as whitened rewards want it.
    package static func whitened(_ values: [[Double]], _ mask: [[UInt8]], shiftMean: Bool = true) -> [[Double]] {
        let moments = moments(values, mask)
        let scale = 1 / (moments.variance + 1e-8).squareRoot()
        return zip(values, mask).map { row, rowMask in
            zip(row, rowMask).map { value, inMask in
                guard inMask != 0 else { return 0 }
                let white = (value - moments.mean) * scale
                return shiftMean ? white : white + moments.mean
            }
        }
    }

    /// Calls `body` for each value in the mask, in order.
    package static func each(_ values: [[Double]], _ mask: [[UInt8]], _ body: (Double) -> Void) {
        for (row, rowMask) in zip(values, mask) {
            for (value, inMask) in zip(row, rowMask) where inMask != 0 { body(value) }
        }
    }
}

/// Count, mean and unbiased variance of a set of numbers.
package struct Moments: Sendable, Equatable {
    package var count: Int
    package var mean: Double
    package var variance: Double

    package init(count: Int, mean: Double, variance: Double) {
        self.count = count
        self.mean = mean
        self.variance = variance
    }

    /// Of plain numbers without a mask.
    package init(_ values: [Double]) {
        self = Masked.moments([values], [[UInt8](repeating: 1, count: values.count)])
    }

    package var deviation: Double { variance.squareRoot() }
}
