/// The exact value of a formula of whole numbers, decimals and variables with the four operations, whole powers,
/// factorials and binomials, as its remainders modulo primes: numbers of any size are the same when their remainders are
/// (for two that differ, the odds that no prime tells them apart are about 1 in 10^37). Variables have fixed values, so
/// that polynomials are the same when they are identical (lemma of Schwartz and Zippel).
struct MathResidues {
    private static let primes: [UInt64] = [2_147_483_647, 2_147_483_629, 2_147_483_587, 2_147_483_579]
    /// Of factorials and binomials, which take a step for each.
    private static let longest = 10_000

    private let prime: UInt64
    /// Which of the fixed values the variables have.
    private let place: Int

    /// One value for each of the primes.
    ///
    /// - Returns: nil when the formula has roots, functions, π or a division by zero.
    static func of(_ formula: MathFormula, place: Int) -> [UInt64]? {
        var values: [UInt64] = []
        for prime in primes {
            guard let value = MathResidues(prime: prime, place: place).value(formula.root) else { return nil }
            values.append(value)
        }
        return values
    }

    /// Whether a / b is the same at two places, for formulas that are not 0 there.
    static func areProportional(_ a: [[UInt64]], _ b: [[UInt64]]) -> Bool {
        primes.indices.allSatisfy { index in
            a[0][index] * b[1][index] % primes[index] == a[1][index] * b[0][index] % primes[index]
        }
    }

    private func value(_ node: MathFormula.Node) -> UInt64? {
        switch node {
        case .number(let number, let digits):
            if let digits { return literal(digits) }
            return Int(exactly: number).map { whole($0) }
        case .variable(let name): return variable(name)
        case .sum(let a, let b):
            guard let x = value(a), let y = value(b) else { return nil }
            return (x + y) % prime
        case .product(let a, let b):
            guard let x = value(a), let y = value(b) else { return nil }
            return x * y % prime
        case .quotient(let a, let b):
            guard let x = value(a), let y = value(b).flatMap(inverse) else { return nil }
            return x * y % prime
        case .power(let base, let exponent):
            guard let x = value(base), let count = Self.integer(exponent) else { return nil }
            let power = power(x, UInt64(count.magnitude))
            return count < 0 ? inverse(power) : power
        case .binomial(let n, let k):
            guard let x = value(n), let count = Self.integer(k), (0...Self.longest).contains(count) else { return nil }
            var (top, bottom) = (UInt64(1), UInt64(1))
            for step in 0..<UInt64(count) {
                top = top * ((x + prime - step) % prime) % prime
                bottom = bottom * (step + 1) % prime
            }
            return inverse(bottom).map { top * $0 % prime }
        case .call("!", let argument):
            guard let count = Self.integer(argument), (0...Self.longest).contains(count) else { return nil }
            return (0..<UInt64(count)).reduce(1) { $0 * ($1 + 1) % prime }
        case .call: return nil
        }
    }

    private func whole(_ number: Int) -> UInt64 {
        let rest = UInt64(number.magnitude) % prime
        return number < 0 ? (prime - rest) % prime : rest
    }

    /// "12", "0.5", "1.5e-3".
    private func literal(_ digits: String) -> UInt64? {
        let halves = digits.split { "eE".contains($0) }
        guard halves.count <= 2, let mantissa = halves.first else { return nil }
        var exponent = 0
        if halves.count > 1 {
            guard let written = Int(halves[1]), abs(written) <= 1_000_000 else { return nil }
            exponent = written
        }
        var (value, isFraction) = (UInt64(0), false)
        for letter in mantissa.utf8 {
            if letter == UInt8(ascii: ".") {
                isFraction = true
            } else {
                guard (48...57).contains(letter) else { return nil }
                value = (value * 10 + UInt64(letter - 48)) % prime
                exponent -= isFraction ? 1 : 0
            }
        }
        let scale = power(10, UInt64(exponent.magnitude))
        guard exponent < 0 else { return value * scale % prime }
        return inverse(scale).map { value * $0 % prime }
    }

    /// SplitMix64 of the letter and the place.
    private func variable(_ name: Character) -> UInt64 {
        var state = name.unicodeScalars.reduce(UInt64(place + 1)) { $0 &* 0x1_0000_01b3 &+ UInt64($1.value) }
        state = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        state = (state ^ (state >> 27)) &* 0x94d0_49bb_1331_11eb
        return (state ^ (state >> 31)) % prime
    }

    private func power(_ base: UInt64, _ exponent: UInt64) -> UInt64 {
        var (result, square, left) = (UInt64(1), base, exponent)
        while left > 0 {
            if left & 1 == 1 { result = result * square % prime }
            square = square * square % prime
            left >>= 1
        }
        return result
    }

    private func inverse(_ value: UInt64) -> UInt64? { value == 0 ? nil : power(value, prime - 2) }

    /// The value as a whole number, where it is one of a usual size and has no variables.
    private static func integer(_ node: MathFormula.Node) -> Int? {
        switch node {
        case .number(let number, nil): return Int(exactly: number)
        case .number(_, let digits?): return Int(digits)
        case .sum(let a, let b): return both(a, b) { $0.addingReportingOverflow($1) }
        case .product(let a, let b): return both(a, b) { $0.multipliedReportingOverflow(by: $1) }
        case .quotient(let a, let b):
            guard let x = integer(a), let y = integer(b), y != 0, y != -1, x % y == 0 else { return nil }
            return x / y
        case .power(let a, let b):
            guard let base = integer(a), let exponent = integer(b), (0...64).contains(exponent) else { return nil }
            var result = 1
            for _ in 0..<exponent {
                let (product, overflow) = result.multipliedReportingOverflow(by: base)
                if overflow { return nil }
                result = product
            }
            return result
        case .call("!", let a):
            guard let count = integer(a), (0...20).contains(count) else { return nil }
            return (0..<count).reduce(1) { $0 * ($1 + 1) }
        case .variable, .binomial, .call: return nil
        }
    }

    private static func both(
        _ a: MathFormula.Node, _ b: MathFormula.Node, _ operation: (Int, Int) -> (partialValue: Int, overflow: Bool)
    ) -> Int? {
        guard let x = integer(a), let y = integer(b) else { return nil }
        let (value, overflow) = operation(x, y)
        return overflow ? nil : value
    }
}
