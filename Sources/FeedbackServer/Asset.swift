/// A file of the page, built into the program.
struct Asset {
    var type: String
    var bytes: [UInt8]

    /// - Returns: nil when there is no such file.
    static func named(_ name: String) -> Asset? {
        switch name {
        case "index.html": Asset(type: "text/html; charset=utf-8", bytes: PackageResources.index_html)
        case "style.css": Asset(type: "text/css; charset=utf-8", bytes: PackageResources.style_css)
        case "icon.svg": Asset(type: "image/svg+xml", bytes: PackageResources.icon_svg)
        case "answers.js": script(PackageResources.answers_js)
        case "main.js": script(PackageResources.main_js)
        case "server.js": script(PackageResources.server_js)
        case "elements.js": script(PackageResources.elements_js)
        case "markdown.js": script(PackageResources.markdown_js)
        case "differences.js": script(PackageResources.differences_js)
        case "clock.js": script(PackageResources.clock_js)
        case "pair.js": script(PackageResources.pair_js)
        case "ranking.js": script(PackageResources.ranking_js)
        case "rating.js": script(PackageResources.rating_js)
        case "writing.js": script(PackageResources.writing_js)
        case "remarks.js": script(PackageResources.remarks_js)
        case "lead.js": script(PackageResources.lead_js)
        default: nil
        }
    }

    private static func script(_ bytes: [UInt8]) -> Asset {
        Asset(type: "text/javascript; charset=utf-8", bytes: bytes)
    }
}
