import Foundation

/// Student's distribution.
package enum StudentT {
    package static let normal975 = 1.959963984540054

    /// The value below which 97.5 % lie. Above four degrees of freedom by the expansion of Cornish and Fisher
    /// (Abramowitz and Stegun 26.7.5), exact to 2e-4.
    package static func quantile975(degrees: Int) -> Double {
        let few = [12.706205, 4.302653, 3.182446, 2.776445]
        if degrees < 1 { return .infinity }
        if degrees <= few.count { return few[degrees - 1] }
        let (z, n) = (normal975, Double(degrees))
        let z2 = z * z
        let terms = [
            z * (z2 + 1) / 4, z * ((5 * z2 + 16) * z2 + 3) / 96, z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384,
            z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160,
        ]
        return terms.enumerated().reduce(z) { $0 + $1.element / pow(n, Double($1.offset + 1)) }
    }
}
