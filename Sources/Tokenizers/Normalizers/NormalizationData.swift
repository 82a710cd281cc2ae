internal import Foundation

/// Decompositions, compositions and combining classes as of Unicode 9, the version that the `tokenizers` library
/// normalizes with. Foundation knows a newer Unicode; decompositions of assigned characters never change, so the age of
/// a character is enough to get the older tables from it.
enum NormalizationData {
    struct Entry {
        var scalar: Unicode.Scalar
        var combiningClass: UInt8

        init(_ scalar: Unicode.Scalar) {
            self.scalar = scalar
            combiningClass = NormalizationData.combiningClass(scalar)
        }
    }

    /// Full canonical decompositions, without the Hangul syllables.
    static let canonical = table { $0.decomposedStringWithCanonicalMapping }
    /// Full compatibility decompositions, without the Hangul syllables.
    static let compatibility = table { $0.decomposedStringWithCompatibilityMapping }

    /// From a starter and what follows it to their primary composite, keyed by both.
    static let compositions: [UInt64: UInt32] = {
        var result: [UInt64: UInt32] = [:]
        // Prefixes of longer decompositions are composites themselves, so the short ones come first.
        for (scalar, parts) in canonical.sorted(by: { ($0.value.count, $0.key) < ($1.value.count, $1.key) }) {
            guard parts.count > 1, let value = Unicode.Scalar(scalar), let last = parts.last else { continue }
            let text = String(value)
            // A character that does not survive composition is excluded from it.
            if !text.precomposedStringWithCanonicalMapping.unicodeScalars.elementsEqual(text.unicodeScalars) {
                continue
            }
            var first = parts[0].scalar.value
            for part in parts[1..<(parts.count - 1)] { first = result[key(first, part.scalar.value)] ?? first }
            result[key(first, last.scalar.value)] = scalar
        }
        return result
    }()

    static func key(_ first: UInt32, _ second: UInt32) -> UInt64 { UInt64(first) << 32 | UInt64(second) }

    /// The canonical combining class; 0 for a starter.
    static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
        if scalar.value < 0x300 { return 0 }
        let value = scalar.properties.canonicalCombiningClass.rawValue
        return value == 0 || !isKnown(scalar) ? 0 : value
    }

    /// Whether the scalar was there in Unicode 9.
    static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
        guard let age = scalar.properties.age else { return false }
        return age.major <= 9
    }

    /// The stretches that hold every decomposition; asking for all scalars would take half a second.
    private static let stretches: [ClosedRange<UInt32>] = [
        0xA0...0x6FF, 0x900...0x10FF, 0x1B00...0x1B7F, 0x1D00...0x24FF, 0x2A00...0x2AFF, 0x2C00...0x33FF,
        0xA600...0xA7FF, 0xAB30...0xAB6F, 0xF900...0xFFFF, 0x11000...0x115FF, 0x1D100...0x1D1FF, 0x1D400...0x1D7FF,
        0x1EE00...0x1EEFF, 0x1F100...0x1F2FF, 0x2F800...0x2FA1F,
    ]

    private static func table(_ decompose: (String) -> String) -> [UInt32: [Entry]] {
        var result: [UInt32: [Entry]] = [:]
        for stretch in stretches {
            for value in stretch {
                guard let scalar = Unicode.Scalar(value), isKnown(scalar) else { continue }
                let parts = decompose(String(scalar)).unicodeScalars
                if parts.first != scalar || parts.count > 1 { result[value] = parts.map(Entry.init) }
            }
        }
        return result
    }
}
