/// The general categories of Unicode 16, the version that the `tokenizers` library of 2025 matches patterns with. The
/// Swift runtime may know a newer Unicode; a scalar that is younger than 16 counts as unassigned here too, so that ids
/// do not depend on the runtime.
enum Category {
    static let count = 30

    /// Two-letter names in the order of their index, which is also their bit in a mask.
    static let names = [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
    ]

    static let unassigned = 29

    /// The index of the category of a scalar.
    @inline(__always)
    static func index(_ scalar: Unicode.Scalar) -> Int {
        scalar.value < 0x10000 ? Int(basicPlane[Int(scalar.value)] & 31) : lookUp(scalar)
    }

    /// What patterns call a word character: alphabetic, a mark, a decimal number or connector punctuation.
    @inline(__always)
    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x10000 ? basicPlane[Int(scalar.value)] & 32 != 0 : isWord(scalar, lookUp(scalar))
    }

    /// Category and, as bit 5, `isWord` of the scalars below U+10000: a look-up in the runtime's tables costs ten times
    /// as much.
    private static let basicPlane: [UInt8] = (UInt32(0)..<0x10000).map { value in
        guard let scalar = Unicode.Scalar(value) else { return 27 }
        let category = lookUp(scalar)
        return UInt8(category) | (isWord(scalar, category) ? 32 : 0)
    }

    private static func isWord(_ scalar: Unicode.Scalar, _ category: Int) -> Bool {
        if category == unassigned { return false }
        // Mn, Mc, Me, Nd, Pc.
        if (5...8).contains(category) || category == 11 { return true }
        return scalar.properties.isAlphabetic
    }

    private static func lookUp(_ scalar: Unicode.Scalar) -> Int {
        let value = index(scalar.properties.generalCategory)
        if scalar.value < 0x88F { return scalar.value == 0x295 ? 1 : value }
        // Reading the age costs as much as reading the category, so the blocks that later versions left alone skip it.
        switch scalar.value {
        case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7A3, 0x1F300...0x1F64F: return value
        default: break
        }
        if value == unassigned { return value }
        if let age = scalar.properties.age, age.major > 16 { return unassigned }
        return value
    }

    private static func index(_ category: Unicode.GeneralCategory) -> Int {
        switch category {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: 28
        case .unassigned: 29
        @unknown default: 29
        }
    }

    /// The mask for a name as patterns write it: "L", "Lu", "Letter" and so on; nil if there is no such category.
    static func mask(_ name: String) -> UInt32? {
        let key = name.filter { $0 != "_" && $0 != " " && $0 != "-" }.lowercased()
        if key == "any" { return (1 << UInt32(count)) - 1 }
        let short = longNames[key] ?? key
        var mask: UInt32 = 0
        for (index, candidate) in names.enumerated() where candidate.lowercased().hasPrefix(short) {
            mask |= 1 << UInt32(index)
        }
        if short.count == 2 || short.count == 1, mask != 0 { return mask }
        return nil
    }

    private static let longNames = [
        "letter": "l", "uppercaseletter": "lu", "lowercaseletter": "ll", "titlecaseletter": "lt",
        "modifierletter": "lm", "otherletter": "lo", "mark": "m", "nonspacingmark": "mn", "spacingmark": "mc",
        "enclosingmark": "me", "number": "n", "decimalnumber": "nd", "letternumber": "nl", "othernumber": "no",
        "punctuation": "p", "punct": "p", "connectorpunctuation": "pc", "dashpunctuation": "pd",
        "openpunctuation": "ps", "closepunctuation": "pe", "initialpunctuation": "pi", "finalpunctuation": "pf",
        "otherpunctuation": "po", "symbol": "s", "mathsymbol": "sm", "currencysymbol": "sc", "modifiersymbol": "sk",
        "othersymbol": "so", "separator": "z", "spaceseparator": "zs", "lineseparator": "zl",
        "paragraphseparator": "zp", "other": "c", "control": "cc", "format": "cf", "privateuse": "co",
        "unassigned": "cn",
    ]
}
