"""Poll: collect from sources that announce nothing, from where the last poll ended.

    cloudwatch   events of CloudWatch Logs
    http         records of a JSON API
    pages        its pages, one by one
    memory       a source's position, and what was seen around it
    landing      rows and position in one commit
    turn         one poll of a partition
    again        a range of a log group in place of what was polled of it
    services     the clients

The position of a source stands in the ledger and moves in the commit that adds the rows: a poll that
dies is done anew from the same place, and of two at once one is refused.
"""

from penstock.poll.services import AwsServices
from penstock.poll.turn import Services, is_polled, poll_again, poll_partition

__all__ = ["AwsServices", "Services", "is_polled", "poll_again", "poll_partition"]
