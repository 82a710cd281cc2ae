/// Prometheus text 0.0.4, for every `/metrics` of Skein: HELP and TYPE once a metric, escaped labels in a fixed order.
package struct Exposition {
    package typealias Row = ([String: String], Double)
    package enum Kind: String, Sendable { case counter, gauge }

    /// The content type of the text.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var body = ""

    package init() {}

    package mutating func metric(_ name: String, _ kind: Kind, _ help: String, _ rows: [Row]) {
        body += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for (labels, value) in rows {
            let list = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(Self.escape($0.value))\"" }
            body += name + (list.isEmpty ? "" : "{" + list.joined(separator: ",") + "}") + " \(Self.number(value))\n"
        }
    }

    private static func escape(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }
}
