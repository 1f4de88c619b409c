"""Flask-SQLAlchemy's ORM, in SQLAlchemy 2's own style: models, select(), and what is needed loaded along."""
