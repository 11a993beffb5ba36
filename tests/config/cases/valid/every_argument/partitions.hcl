partition "aws_cloudtrail_log" "all" {
  source "aws_s3_bucket" {
    connection  = connection.aws.role /* the one
       of connections.tpc */
    bucket      = "first.bucket"
    prefix      = "audit/"
    patterns    = {
      APP     = "[a-z]+\\d"
      "OTHER" = `x|y`,
    }
    file_layout = `%{APP:app}/%{OTHER}/%{YEAR:year}`
  }
  source "aws_s3_bucket" {
    bucket = "second-bucket"
  }
  filter = <<-EOT
    event_source <> 'kms.amazonaws.com'
      and error_code is null  -- `no` "comment"
  EOT
  tp_index = "default"
}
