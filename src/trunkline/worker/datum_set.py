"""Running a datum set: the one function that every engine calls on its workers."""

from trunkline.model.datums import DatumSet, DatumSetResult
from trunkline.storage.chunk.refs import encode_refs
from trunkline.worker.batching import Batch
from trunkline.worker.context import WorkerContext
from trunkline.worker.datum import SetRun
from trunkline.worker.view.secret_files import secret_files


def run_datum_set(datum_set: DatumSet, context: WorkerContext) -> DatumSetResult:
    """Run the datums one after the other and return what became of each; their outputs are durable then.

    A datum that fails does not stop the others. Raises CancelledError if the context's interrupts say so, and
    UnavailableError if the store cannot be reached; nothing is visible of the set then.
    """
    with secret_files(datum_set, context.view.directory.parent) as prepared:
        return _run(prepared, context)


def _run(datum_set: DatumSet, context: WorkerContext) -> DatumSetResult:
    writer = context.file_sets.edit()
    run = SetRun(datum_set, context, writer)
    try:
        if datum_set.transform.datum_batching:
            results = Batch(run, context).results()
        else:
            results = tuple(run.run(datum, place) for place, datum in enumerate(datum_set.datums))
        layer = writer.finish()
        logs = run.log.store(context.objects)
    except BaseException:
        writer.abort()
        raise
    finally:
        context.runners.rest()
        context.view.release()
    return DatumSetResult(
        job=datum_set.job,
        index=datum_set.index,
        attempt=datum_set.attempt,
        datums=results,
        layer=layer,
        new_chunks=encode_refs(writer.new_refs),
        logs=logs,
        log_lines=run.log.lines,
        imports=tuple(run.imports),
        warnings=tuple(run.warnings),
    )
