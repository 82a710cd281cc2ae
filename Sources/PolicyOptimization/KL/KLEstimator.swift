import Foundation
package import RunConfiguration

extension KLEstimator {
    /// - Parameter clamp: upper bound of the result; k3 explodes where the reference gives a sampled token much more
    ///   weight than the policy does.
    package func callAsFunction(_ logProbability: Double, _ reference: Double, clamp: Double = .infinity) -> Double {
        let x = logProbability - reference
        switch self {
        case .k1: return min(x, clamp)
        case .k2: return min(x * x / 2, clamp)
        // expm1 keeps the digits that exp(-x) - 1 loses near 0, where most tokens are.
        case .k3: return min(expm1(min(-x, 700)) + x, clamp)
        }
    }

    /// The derivative by the first log-probability, of the expression as it stands: what autograd makes of it when a
    /// loss is written with it.
    package func slope(_ logProbability: Double, _ reference: Double) -> Double {
        let x = logProbability - reference
        switch self {
        case .k1: return 1
        case .k2: return x
        case .k3: return -expm1(min(-x, 700))
        }
    }

    /// Sum over the tokens of one answer in the mask: the sequence KL.
    package func sequence(_ logProbabilities: [Double], _ reference: [Double], _ mask: [UInt8]) -> Double {
        var sum = 0.0
        for (index, inMask) in mask.enumerated() where inMask != 0 {
            guard index < logProbabilities.count, index < reference.count else { break }
            sum += self(logProbabilities[index], reference[index])
        }
        return sum
    }

    /// The exact KL(p || q) of two distributions over the same outcomes; outcomes with p = 0 add nothing.
    package static func exact(_ p: [Double], _ q: [Double]) -> Double {
        zip(p, q).reduce(0) { $0 + ($1.0 > 0 ? $1.0 * (log($1.0) - log($1.1)) : 0) }
    }
}
