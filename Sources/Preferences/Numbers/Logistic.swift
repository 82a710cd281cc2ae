import Foundation

/// The logistic function and its logarithms, without overflow.
package enum Logistic {
    package static func sigma(_ x: Double) -> Double {
        if x >= 0 { return 1 / (1 + exp(-x)) }
        let e = exp(x)
        return e / (1 + e)
    }

    /// log(1 + e^x)
    package static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

    /// log(p / (1 - p))
    package static func logit(_ p: Double) -> Double { log(p / (1 - p)) }

    /// The probability of a standard normal value beyond `z` on either side.
    package static func twoSided(_ z: Double) -> Double { erfc(abs(z) / 2.0.squareRoot()) }
}
