package import Foundation
package import Tokenizers

/// Times in files: read in the common spellings, written in UTC with milliseconds.
package enum VoteTime {
    /// Reads `2026-11-30T16:00:35.123Z`, the same with a blank, an offset (`+02:00`) or without seconds, and seconds or
    /// milliseconds since 1970.
    ///
    /// - Returns: nil for anything else. A time without an offset is taken as UTC: there is nothing else to go by.
    package static func date(_ value: JSONValue) -> Date? {
        if let number = value.double {
            guard number.isFinite, abs(number) < 1e14 else { return nil }
            return Date(timeIntervalSince1970: abs(number) > 1e11 ? number / 1000 : number)
        }
        return value.string.flatMap { date($0) }
    }

    package static func date(_ text: String) -> Date? {
        var rest = Array(text.utf8)[...]
        guard let year = number(&rest, digits: 4), mark(&rest, "-"), let month = number(&rest, digits: 2),
            mark(&rest, "-"), let day = number(&rest, digits: 2), mark(&rest, "T") || mark(&rest, " "),
            let hour = number(&rest, digits: 2), mark(&rest, ":"), let minute = number(&rest, digits: 2),
            (1...12).contains(month), (1...days(of: month, year)).contains(day), hour < 24, minute < 60
        else { return nil }
        var seconds = 0.0
        if mark(&rest, ":") {
            guard let whole = number(&rest, digits: 2), whole <= 60, let part = fraction(&rest) else { return nil }
            seconds = Double(whole) + part
        }
        guard let offset = Self.offset(&rest), rest.isEmpty else { return nil }
        let start = Double(daysSince1970(year, month, day)) * 86_400
        return Date(timeIntervalSince1970: start + Double(hour * 3600 + minute * 60) + seconds - Double(offset))
    }

    package static func text(_ date: Date) -> String {
        let time = date.timeIntervalSince1970
        guard abs(time) < 2e11 else { return "" }
        let milliseconds = Int((time * 1000).rounded())
        let day = Int((Double(milliseconds) / 86_400_000).rounded(.down))
        let rest = milliseconds - day * 86_400_000
        let (year, month, dayOfMonth) = civil(day)
        return String(
            format: "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, dayOfMonth, rest / 3_600_000,
            rest / 60_000 % 60, rest / 1000 % 60, rest % 1000)
    }

    private static func number(_ rest: inout ArraySlice<UInt8>, digits: Int) -> Int? {
        let part = rest.prefix(digits)
        guard part.count == digits, part.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        rest = rest.dropFirst(digits)
        return part.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private static func mark(_ rest: inout ArraySlice<UInt8>, _ character: Character) -> Bool {
        guard rest.first == character.asciiValue else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func fraction(_ rest: inout ArraySlice<UInt8>) -> Double? {
        guard mark(&rest, ".") || mark(&rest, ",") else { return 0 }
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard (1...9).contains(digits.count) else { return nil }
        rest = rest.dropFirst(digits.count)
        return digits.reversed().reduce(0) { ($0 + Double($1 - 0x30)) / 10 }
    }

    /// Seconds east of UTC.
    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int? {
        if rest.isEmpty || mark(&rest, "Z") { return 0 }
        let sign: Int
        if mark(&rest, "+") { sign = 1 } else if mark(&rest, "-") { sign = -1 } else { return nil }
        guard let hours = number(&rest, digits: 2), hours < 24 else { return nil }
        _ = mark(&rest, ":")
        let minutes = number(&rest, digits: 2) ?? 0
        return minutes < 60 ? sign * (hours * 3600 + minutes * 60) : nil
    }

    private static func days(of month: Int, _ year: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    /// In the Gregorian calendar, counted in years that start with March, so that the day that may be missing is the last.
    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ day: Int) -> (Int, Int, Int) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
