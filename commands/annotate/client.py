"""A Label Studio server, asked over HTTP: projects, tasks, annotations.

Tested against Label Studio 1.23.2. Nothing here logs a token, and no message quotes a request's headers.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stages.lib.core.errors import KopriError
from stages.lib.core.files import read_json
from stages.lib.core.params import Pair

if TYPE_CHECKING:
    import requests

TOKEN_VARIABLE = "LABEL_STUDIO_TOKEN"
TOKEN_FILE = Path(".cache/label-studio-token")
# The server of `make label-studio`: its database and, in ACCESS_FILE, its address and first account. People's
# work, so not among the caches; git and DVC pass it over.
SERVER_FOLDER = Path("data/label-studio")
ACCESS_FILE = SERVER_FOLDER / "access.json"
TIMEOUT_S = 120
_PAGE = 500
_MAX_PAGES = 1000


class LabelStudioError(KopriError):
    """The server cannot be reached, refuses, or holds something else than what was expected."""


class Server:
    """One Label Studio server and the account that a token stands for.

    A token is a legacy one or a personal access token (a JWT, which is changed for one that lives minutes).
    Every method raises LabelStudioError in one line.
    """

    def __init__(self, url: str, token: str) -> None:
        import requests

        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.username:
            raise LabelStudioError(f"{url!r} is no address of a server; expected http(s)://HOST[:PORT]")
        self._session = requests.Session()
        # Without an auth of its own, a password in ~/.netrc would take the token's place.
        self._session.auth = lambda request: request
        # A proxy is not meant for a server on this machine.
        self._session.trust_env = parts.hostname not in ("127.0.0.1", "localhost", "::1")
        self._token, self._is_refresh = token, _is_jwt_of(token, "refresh")
        self._session.headers["Authorization"] = f"Token {token}"
        if self._is_refresh:
            self._refresh()

    def _refresh(self) -> None:
        self._session.headers.pop("Authorization", None)
        path = "/api/token/refresh/"
        answer = self._json(self._send("POST", path, json={"refresh": self._token}))
        self._session.headers["Authorization"] = f"Bearer {self._object(answer, path, access=str)['access']}"

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        import requests

        try:
            answer = self._session.request(
                method, self.url + path, timeout=TIMEOUT_S, allow_redirects=False, **options
            )
        except requests.RequestException as error:
            raise LabelStudioError(
                f"{self.url}: no answer from Label Studio ({type(error).__name__}); "
                "is the server running? (make label-studio starts one on this machine)"
            ) from None
        if answer.status_code in (401, 403):
            raise LabelStudioError(
                f"{self.url}: the token is refused (HTTP {answer.status_code}); "
                f"put a valid one into {TOKEN_VARIABLE} or {TOKEN_FILE}"
            )
        return answer

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request; a token that has run out meanwhile is renewed once."""
        try:
            return self._send(method, path, **options)
        except LabelStudioError as error:
            if not (self._is_refresh and "refused" in str(error)):
                raise
        self._refresh()
        return self._send(method, path, **options)

    def _json(self, answer: requests.Response) -> Any:
        try:
            value = answer.json()
        except ValueError:
            value = None
        if answer.status_code >= 300 or value is None:
            detail = value.get("detail") if isinstance(value, dict) else None
            status = f"HTTP {answer.status_code}" + (f", {detail}" if detail else "")
            raise LabelStudioError(
                f"{answer.request.url}: expected JSON from Label Studio, found {status}; "
                "is the address right, and is the project still there?"
            )
        return value

    def _object(self, value: Any, path: str, **fields: type) -> dict[str, Any]:
        return self._objects([value], path, **fields)[0]

    def _objects(self, value: Any, path: str, **fields: type) -> list[dict[str, Any]]:
        """Return a list of objects that have these fields; the form of every answer is checked here."""

        def fits(item: Any) -> bool:
            return isinstance(item, dict) and all(
                isinstance(item.get(name), kind) for name, kind in fields.items()
            )

        misfits = [item for item in value if not fits(item)] if isinstance(value, list) else [value]
        if not misfits:
            return value
        # The names of its fields alone: the values may be somebody's.
        misfit = misfits[0]
        keys = f" with {', '.join(list(misfit)[:5]) or 'nothing'}" if isinstance(misfit, dict) else ""
        raise LabelStudioError(
            f"{self.url}{path}: expected objects with {', '.join(fields)}, found "
            f"{type(misfit).__name__}{keys}; is this Label Studio, of a version near 1.23?"
        )

    def get(self, path: str, **params: Any) -> Any:
        return self._json(self.request("GET", path, params=params))

    def post(self, path: str, value: Any) -> Any:
        return self._json(self.request("POST", path, json=value))

    def patch(self, path: str, value: Any) -> Any:
        return self._json(self.request("PATCH", path, json=value))

    def projects(self, title: str) -> list[dict[str, Any]]:
        """Return the projects of that title, the oldest first."""
        path, projects = "/api/projects/", {}
        for page in range(1, _MAX_PAGES + 1):
            answer = self._object(self.get(path, title=title, page=page, page_size=100), path, results=list)
            listed = self._objects(answer["results"], path, id=int, title=str, created_at=str)
            known = len(projects)
            projects.update({project["id"]: project for project in listed})
            if not answer.get("next"):
                return [project for _, project in sorted(projects.items()) if project["title"] == title]
            if len(projects) == known:
                break
        raise LabelStudioError(
            f"{self.url}{path}: page {page} of the projects brings none and names another, expected an end; "
            "is this Label Studio, of a version near 1.23?"
        )

    def find_project(self, title: str) -> dict[str, Any] | None:
        """Return the project of that title, or None; two of them are an error."""
        projects = self.projects(title)
        if len(projects) > 1:
            numbers = ", ".join(str(project["id"]) for project in projects)
            raise LabelStudioError(
                f"{self.url}: {len(projects)} projects are called {title!r} ({numbers}), expected one; "
                "rename or delete the others"
            )
        return projects[0] if projects else None

    def make_project(self, title: str, settings: Mapping[str, Any]) -> int:
        """Make a project and return its number."""
        path = "/api/projects/"
        return self._object(self.post(path, {"title": title, **settings}), path, id=int)["id"]

    def tasks(self, project: int) -> Iterator[dict[str, Any]]:
        """Yield id, data and number of annotations (``total_annotations``) of each task of a project.

        Each request asks for the tasks after the last one listed, not for a page by its number: if another
        push removes tasks meanwhile, the pages shift and some tasks would be skipped.
        """
        path, last = "/api/tasks", 0
        options = {"project": project, "page_size": _PAGE, "fields": "task_only"}
        while True:
            after = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}
            query = {"filters": {"conjunction": "and", "items": [after]}, "ordering": ["tasks:id"]}
            answer = self.get(path, **options, include="id,data,total_annotations", query=json.dumps(query))
            answer = self._object(answer, path, tasks=list, total=int)
            tasks = self._objects(answer["tasks"], path, id=int, data=dict, total_annotations=int)
            numbers = [task["id"] for task in tasks]
            if numbers != sorted(set(numbers)) or (numbers and numbers[0] <= last):
                raise LabelStudioError(
                    f"{self.url}{path}: expected tasks after {last} in their order, found others; "
                    "is this Label Studio, of a version near 1.23?"
                )
            yield from tasks
            if len(tasks) >= answer["total"] or not tasks:
                return
            last = numbers[-1]

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> int:
        """Add tasks to a project and return how many the server took in."""
        path = f"/api/projects/{project}/import"
        return self._object(self.post(path, tasks), path, task_count=int)["task_count"]

    def remove(self, path: str) -> None:
        """Delete what is at a path; that it is gone already is no error."""
        answer = self.request("DELETE", path)
        if answer.status_code not in (200, 202, 204, 404):
            raise LabelStudioError(
                f"{self.url}{path}: not deleted (HTTP {answer.status_code}); delete it there"
            )

    def export(self, project: int) -> list[dict[str, Any]]:
        """Return the project's tasks with their annotations, as in Label Studio's JSON export."""
        path = f"/api/projects/{project}/export"
        return self._objects(self.get(path, exportType="JSON", download_all_tasks="true"), path, data=dict)

    def emails(self) -> dict[int, str]:
        """Return the address of each account that the token may see."""
        path = "/api/users/"
        answer = self.get(path)
        users = answer.get("results") if isinstance(answer, dict) else answer
        return {user["id"]: user["email"] for user in self._objects(users, path, id=int, email=str)}


def project_title(pair: Pair) -> str:
    """Return the title that the project of a language pair has on every server."""
    return f"Köpri {pair.src}-{pair.tgt}"


def connect(url: str | None) -> Server:
    """Return the server at an address, with the token of :func:`read_token`; or the local server."""
    if url:
        return Server(url, read_token())
    if not ACCESS_FILE.is_file():
        raise LabelStudioError(
            "no server: start one on this machine (make label-studio), or name a hosted one (URL=https://...)"
        )
    access = read_json(ACCESS_FILE)
    return Server(access["url"], access["token"])


def read_token(environment: dict[str, str] | None = None, path: Path = TOKEN_FILE) -> str:
    """Return the token of the environment, else that of the git-ignored file."""
    environment = dict(os.environ) if environment is None else environment
    token = environment.get(TOKEN_VARIABLE, "").strip()
    if not token and path.is_file():
        token = path.read_text(encoding="utf-8").strip()
    if not token:
        raise LabelStudioError(
            f"no token: put the account's access token into the environment variable {TOKEN_VARIABLE} "
            f"or into the file {path}"
        )
    if not token.isascii() or any(char.isspace() for char in token):
        raise LabelStudioError(
            f"the token in {TOKEN_VARIABLE} or {path} holds spaces or letters that no token has; copy it anew"
        )
    return token


def _is_jwt_of(token: str, kind: str) -> bool:
    """Tell whether a token is a JSON web token whose payload calls itself ``kind``."""
    parts = token.split(".")
    if len(parts) != 3:
        return False
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(payload, dict) and payload.get("token_type") == kind
