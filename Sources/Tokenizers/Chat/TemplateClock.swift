internal import Foundation

/// The local time as `strftime` prints it, in English whatever the locale.
package struct TemplateClock {
    private let parts: DateComponents
    private static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    /// Seconds since 1970 in the time zone of this machine, as a clock on the wall shows them.
    package static func localTime() -> Double {
        let now = Date()
        return (now.timeIntervalSince1970 + Double(TimeZone.current.secondsFromGMT(for: now))).rounded(.down)
    }

    /// - Parameter now: seconds since 1970.
    init(_ now: Double, secondsFromGMT: Int?) {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = secondsFromGMT.flatMap { TimeZone(secondsFromGMT: $0) } ?? .current
        let fields: Set<Calendar.Component> = [.year, .month, .day, .hour, .minute, .second, .weekday, .dayOfYear]
        parts = calendar.dateComponents(fields, from: Date(timeIntervalSince1970: now))
    }

    func text(_ format: String, _ line: Int) throws(TokenizerError) -> String {
        var output = ""
        var isCode = false
        for character in format.unicodeScalars {
            if !isCode {
                if character == "%" { isCode = true } else { output.unicodeScalars.append(character) }
                continue
            }
            isCode = false
            guard let part = part(character) else {
                throw templateError(line, "strftime_now does not know '%\(character)'")
            }
            output += part
        }
        return isCode ? output + "%" : output
    }

    private func part(_ code: Unicode.Scalar) -> String? {
        let hour = parts.hour ?? 0
        let month = min(max((parts.month ?? 1) - 1, 0), 11)
        let day = min(max((parts.weekday ?? 1) - 1, 0), 6)
        switch code {
        case "Y": return String(parts.year ?? 0)
        case "y": return padded((parts.year ?? 0) % 100, 2)
        case "m": return padded(month + 1, 2)
        case "B": return Self.months[month]
        case "b", "h": return String(Self.months[month].prefix(3))
        case "d": return padded(parts.day ?? 0, 2)
        case "e": return (parts.day ?? 0) < 10 ? " \(parts.day ?? 0)" : String(parts.day ?? 0)
        case "j": return padded(parts.dayOfYear ?? 0, 3)
        case "A": return Self.days[day]
        case "a": return String(Self.days[day].prefix(3))
        case "H": return padded(hour, 2)
        case "I": return padded((hour + 11) % 12 + 1, 2)
        case "p": return hour < 12 ? "AM" : "PM"
        case "M": return padded(parts.minute ?? 0, 2)
        case "S": return padded(parts.second ?? 0, 2)
        case "F": return [part("Y"), part("m"), part("d")].compactMap { $0 }.joined(separator: "-")
        case "T": return [part("H"), part("M"), part("S")].compactMap { $0 }.joined(separator: ":")
        case "%": return "%"
        default: return nil
        }
    }

    private func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
