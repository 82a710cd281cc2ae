import Cryptography
import Foundation

/// Draws that follow from a text alone, so that every process and every start agrees about them.
enum Chance {
    /// Uniform in [0, 1).
    static func share(_ text: String) -> Double {
        let digest = Data(text.utf8).withUnsafeBytes { SHA256.digest($0) }
        return Double(digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> 11) * 0x1p-53
    }
}
