import Foundation

/// Lines over one axis as SVG, with a key when there are several.
struct Plot {
    struct Line {
        var name: String
        var points: [(Double, Double)]

        init(_ name: String, _ points: [(Double, Double)]) {
            self.name = name
            self.points = points.filter { $0.0.isFinite && $0.1.isFinite }
        }
    }

    private static let colours = ["#2a7de1", "#e1832a", "#2aa35b", "#a14fd1", "#888"]

    private let title: String
    private let lines: [Line]
    private let axis: String

    init(_ title: String, _ lines: [Line], axis: String) {
        self.title = title
        self.lines = lines.filter { $0.points.count > 1 }
        self.axis = axis
    }

    /// Empty when there is nothing to draw.
    var svg: String {
        let all = lines.flatMap(\.points)
        guard let x0 = all.map(\.0).min(), let x1 = all.map(\.0).max(), let y0 = all.map(\.1).min(),
            let y1 = all.map(\.1).max()
        else { return "" }
        let (w, h) = (max(x1 - x0, 1e-9), max(y1 - y0, 1e-9))
        let drawn = lines.enumerated().map { index, line in
            let points = line.points.map {
                String(format: "%.1f,%.1f", 44 + ($0.0 - x0) / w * 250, 130 - ($0.1 - y0) / h * 110)
            }
            return "<polyline stroke=\"\(Self.colour(index))\" points=\"\(points.joined(separator: " "))\"/>"
        }
        return """
            <figure><figcaption>\(title)</figcaption><svg viewBox="0 0 310 160" role="img" aria-label="\(title)">
            <line x1="44" y1="130" x2="300" y2="130"/><line x1="44" y1="16" x2="44" y2="130"/>
            <text x="40" y="24" text-anchor="end">\(Self.number(y1))</text>
            <text x="40" y="130" text-anchor="end">\(Self.number(y0))</text>
            <text x="44" y="146">\(Self.number(x0))</text>
            <text x="296" y="146" text-anchor="end">\(Self.number(x1)) \(axis)</text>
            \(drawn.joined())</svg>\(key)</figure>
            """
    }

    private var key: String {
        guard lines.count > 1 else { return "" }
        let names = lines.enumerated().map { index, line in
            "<span style=\"color:\(Self.colour(index))\">\(HTMLReport.escape(line.name))</span>"
        }
        return "<div class=\"key\">\(names.joined(separator: " "))</div>"
    }

    private static func colour(_ index: Int) -> String { colours[index % colours.count] }

    /// Rounding errors are no figures.
    private static func number(_ value: Double) -> String { String(format: "%.3g", abs(value) < 1e-6 ? 0 : value) }
}
