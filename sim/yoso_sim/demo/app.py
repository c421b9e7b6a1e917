"""The page and what it asks: a Flask application around a session."""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask, Response, abort, jsonify, request, send_from_directory
from werkzeug.exceptions import HTTPException
from yoso_sw.data.samples import Samples

from yoso_sim.demo.picture import pixels_of
from yoso_sim.demo.session import Session
from yoso_sim.html.collect import PARTS, nodes_of
from yoso_sim.simulate import SimulationError
from yoso_sim.watch import Flits, Part

_HERE = Path(__file__).parent

#: Most bytes of a drawing.
MOST_BYTES = 1 << 20

#: Names of this machine: a page from elsewhere that calls itself by another one is not served.
_HERE_NAMES = ("127.0.0.1", "localhost")


def make_app(session: Session, samples: Samples | None = None) -> Flask:
    """The application.

    Parameters
    ----------
    samples
        Test images that can be looked at besides; None if the data set is not there.

    Requests
    --------
    ``GET /about``
        What the network and the chip are.
    ``GET /sample/NUMBER``
        A test image: its class and pixels in base 64.
    ``POST /classify?rows=R&cols=C&mnist=0|1``
        R * C bytes of a drawing, black 0; the answer is what `Session.classify` tells, and the `pixels` that
        the network saw. ``mnist=1``: centred as MNIST's digits are.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    about = session.about
    params = about.image.params

    @app.before_request
    def local_only() -> None:
        if request.host.rpartition(":")[0] not in _HERE_NAMES and request.host not in _HERE_NAMES:
            abort(403, f"{request.host} is not this machine")

    @app.errorhandler(HTTPException)
    def told(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    @app.errorhandler(SimulationError)
    def died(error: SimulationError) -> tuple[Response, int]:
        return jsonify(error=str(error).splitlines()[0]), 503

    @app.get("/")
    def page() -> Response:
        return send_from_directory(_HERE, "page.html")

    @app.get("/page.<kind>")
    def part(kind: str) -> Response:
        return send_from_directory(_HERE, f"page.{kind}")

    @app.get("/about")
    def tell() -> dict[str, Any]:
        sizes = [about.image.inputs, *(layer.outputs for layer in about.image.layers)]
        return {
            "network": about.network.name,
            "shape": about.network.shape,
            "rows": about.rows,
            "cols": about.cols,
            "mnist": about.as_mnist,
            "mesh": [params.cols, params.rows],
            "nodes": nodes_of(about.image),
            "sizes": sizes,
            "steps": about.image.steps,
            "samples": len(samples) if samples is not None else 0,
            "part": {part.name: int(part) for part in Part},
            "parts": [PARTS[part] for part in Part],
            "flits": {flits.name: int(flits) for flits in Flits},
        }

    @app.get("/sample/<int:number>")
    def sample(number: int) -> dict[str, Any]:
        if samples is None or number >= len(samples):
            abort(404, f"there is no test image {number}")
        pixels = np.asarray(samples.inputs)[number]
        return {"label": int(samples.labels[number]), "pixels": _encoded(pixels)}

    @app.post("/classify")
    def classify() -> dict[str, Any]:
        rows, cols = (request.args.get(name, 0, int) for name in ("rows", "cols"))
        drawn = request.get_data()
        if rows < 1 or cols < 1 or len(drawn) != rows * cols:
            abort(400, f"{len(drawn)} bytes are no drawing of {rows} x {cols}")
        picture = np.frombuffer(drawn, np.uint8).reshape(rows, cols)
        pixels = pixels_of(picture, about.rows, about.cols, request.args.get("mnist") == "1")
        return {**session.classify(pixels), "pixels": _encoded(pixels)}

    return app


def _encoded(pixels: np.ndarray) -> str:
    return base64.b64encode(pixels.tobytes()).decode()


class Server:
    """The application on a port of this machine, in a thread.

    Parameters
    ----------
    port
        0: any that is free.

    Raises
    ------
    OSError
        If the port is taken.
    """

    def __init__(self, app: Flask, port: int) -> None:
        from werkzeug.serving import make_server

        self._server = make_server("127.0.0.1", port, app, threaded=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        self.thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self.thread.join(10)
